//! Which blocks does a pcapng file consist of?

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption};
use pcap_file::pcapng::blocks::opt_common::{CommonOption, UnknownOption};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriteError, PcapNgWriter};
use pcap_file::{DataLink, Endianness};

use super::vantage::{Sighting, Way};
use super::wiretap::LiveAbout;
use super::{About, SNAPLEN_BYTES, names};
use crate::frame::{IpVersion, Medium, ip_version};
use crate::time::Time;
use crate::trace::{Node, NodeId, NodeKind, Trace};

/// `epb_flags` bits 0 and 1: the direction (draft-ietf-opsawg-pcapng §4.3).
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// Options that pcap-file does not know by name.
const EPB_PACKETID: u16 = 5;
const EPB_VERDICT: u16 = 7;

/// A verdict of an XDP program, and its value `XDP_DROP`.
const VERDICT_XDP: u8 = 2;
const XDP_DROP: u64 = 1;

/// The interfaces of a file: one for Ethernet, or one for each version of IP that occurs.
#[derive(Debug)]
pub(super) struct Interfaces {
    medium: Medium,
    links: Vec<DataLink>,
}

/// A file that is being written.
pub(super) struct File<W: Write> {
    // Each block is written in many small pieces.
    writer: PcapNgWriter<BufWriter<W>>,
    interfaces: Interfaces,
    /// Frames of each interface.
    frames: Vec<u64>,
    /// When the capture began, and when the last of them was seen.
    start: Time,
    end: Time,
}

impl<W: Write> File<W> {
    /// Writes what stands before the first frame.
    pub(super) fn begin(
        trace: &Trace,
        vantage: NodeId,
        about: &About,
        interfaces: Interfaces,
        out: W,
    ) -> io::Result<File<W>> {
        let node = &trace.nodes[vantage.0];
        let mut file = Self::open(section(about, node), interfaces, Time::ZERO, out)?;
        for link in file.interfaces.links.clone() {
            file.block(interface(node, link))?;
        }
        if let Some(names) = names::block(trace) {
            file.block(names)?;
        }
        Ok(file)
    }

    /// Writes what stands before the first frame of a live capture, which begins at `start`.
    pub(super) fn begin_live(about: &LiveAbout, medium: Medium, start: Time, out: W) -> io::Result<File<W>> {
        let interfaces = Interfaces::for_versions(medium, true, true);
        let mut file = Self::open(live_section(about), interfaces, start, out)?;
        for link in file.interfaces.links.clone() {
            let mut interface = InterfaceDescriptionBlock::new(link, SNAPLEN_BYTES);
            interface.options = vec![
                InterfaceDescriptionOption::IfName(about.interface.clone().into()),
                InterfaceDescriptionOption::IfDescription(about.description.clone().into()),
                InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
            ];
            file.block(interface)?;
        }
        Ok(file)
    }

    fn open(section: SectionHeaderBlock<'_>, interfaces: Interfaces, start: Time, out: W) -> io::Result<File<W>> {
        let writer = PcapNgWriter::with_section_header(BufWriter::new(out), section).map_err(into_io)?;
        let frames = vec![0; interfaces.links.len()];
        Ok(File { writer, interfaces, frames, start, end: start })
    }

    fn block<'b>(&mut self, block: impl PcapNgBlock<'b>) -> io::Result<()> {
        self.writer.write_pcapng_block(block).map(drop).map_err(into_io)
    }

    /// Writes a frame.
    pub(super) fn frame(&mut self, sighting: &Sighting<'_>) -> io::Result<()> {
        let interface = self.interfaces.id(sighting.original);
        self.writer.write_pcapng_block(packet(sighting, interface)).map_err(into_io)?;
        self.frames[interface as usize] += 1;
        self.end = sighting.at;
        Ok(())
    }

    /// Hands over all that was written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.get_mut().flush()
    }

    /// Writes what stands behind the last frame.
    pub(super) fn end(mut self) -> io::Result<()> {
        for (id, frames) in (0..).zip(&self.frames) {
            self.writer.write_pcapng_block(statistics(id, *frames, self.start, self.end)).map_err(into_io)?;
        }
        self.flush()
    }
}

impl Interfaces {
    /// Those of a file with just these frames.
    pub(super) fn of(medium: Medium, sightings: &[Sighting<'_>]) -> Interfaces {
        let occurs = |version| sightings.iter().any(|sighting| ip_version(medium, sighting.original) == Some(version));
        Self::for_versions(medium, occurs(IpVersion::V4), occurs(IpVersion::V6))
    }

    /// Those of a file whose frames are yet to come: for the versions of which `vantage`, a host, has addresses; else for
    /// both.
    pub(super) fn expected(trace: &Trace, vantage: NodeId) -> Interfaces {
        let addrs = match &trace.nodes[vantage.0].kind {
            NodeKind::Host { addrs, .. } => addrs.as_slice(),
            // They pass on whatever comes.
            NodeKind::Switch | NodeKind::Middlebox | NodeKind::Router { .. } => &[],
        };
        let has = |is_v4| addrs.is_empty() || addrs.iter().any(|addr| addr.is_ipv4() == is_v4);
        Self::for_versions(trace.medium, has(true), has(false))
    }

    fn for_versions(medium: Medium, v4: bool, v6: bool) -> Interfaces {
        let links = match medium {
            Medium::Ethernet => vec![DataLink::ETHERNET],
            // Not RAW, which stands for both: libpcap refuses it for the second interface of a file.
            Medium::Ip => match (v4, v6) {
                (true, true) => vec![DataLink::IPV4, DataLink::IPV6],
                (false, true) => vec![DataLink::IPV6],
                (_, false) => vec![DataLink::IPV4],
            },
        };
        Interfaces { medium, links }
    }

    /// Where a frame belongs. What is not IP goes to the first interface.
    fn id(&self, frame: &[u8]) -> u32 {
        let is_second = self.links.len() == 2 && ip_version(self.medium, frame) == Some(IpVersion::V6);
        u32::from(is_second)
    }
}

fn section(about: &About, node: &Node) -> SectionHeaderBlock<'static> {
    let About { scenario, seed, replay } = about;
    let comment = format!("scenario: {scenario}\nseed: {seed}\nvantage: {}\nreplay: {replay}", node.name);
    header(vec![
        SectionHeaderOption::Common(comment_option(comment)),
        SectionHeaderOption::Hardware("simulated network".into()),
        SectionHeaderOption::OS("none: smolsock on smoltcp, in virtual time".into()),
    ])
}

fn live_section(about: &LiveAbout) -> SectionHeaderBlock<'static> {
    header(vec![SectionHeaderOption::Common(comment_option(about.comment.clone()))])
}

/// A section of any length with these options, and who wrote it.
fn header(mut options: Vec<SectionHeaderOption<'static>>) -> SectionHeaderBlock<'static> {
    options.push(SectionHeaderOption::UserApplication(concat!("smolsock-sim ", env!("CARGO_PKG_VERSION")).into()));
    SectionHeaderBlock {
        // Not that of this machine: the same run gives the same file everywhere.
        endianness: Endianness::Little,
        major_version: 1,
        minor_version: 0,
        section_length: -1,
        options,
    }
}

fn interface(node: &Node, link: DataLink) -> InterfaceDescriptionBlock<'static> {
    let mut interface = InterfaceDescriptionBlock::new(link, SNAPLEN_BYTES);
    let packets = match link {
        DataLink::IPV4 => "IPv4 packet",
        DataLink::IPV6 => "IPv6 packet",
        _ => "frame",
    };
    let description = format!("every {packets} that {} sent, and that arrived there", node.name);
    interface.options = vec![
        InterfaceDescriptionOption::IfName(format!("{}0", node.name).into()),
        InterfaceDescriptionOption::IfDescription(description.into()),
        InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
    ];
    if let NodeKind::Host { mac: Some(mac), .. } = &node.kind {
        interface.options.push(InterfaceDescriptionOption::IfMacAddr(mac.to_vec().into()));
    }
    interface
}

fn packet<'a>(sighting: &'a Sighting<'_>, interface_id: u32) -> EnhancedPacketBlock<'a> {
    let flags = match sighting.way {
        Way::In => INBOUND,
        Way::Out => OUTBOUND,
    };
    let mut options =
        vec![EnhancedPacketOption::Flags(flags), unknown_option(EPB_PACKETID, sighting.id.0.to_le_bytes().to_vec())];
    if sighting.is_dropped {
        let verdict = [&[VERDICT_XDP][..], &XDP_DROP.to_le_bytes()].concat();
        options.push(unknown_option(EPB_VERDICT, verdict));
    }
    let comments = sighting.comments.iter().map(|comment| comment_option(comment.clone()));
    options.extend(comments.map(EnhancedPacketOption::Common));
    EnhancedPacketBlock {
        interface_id,
        timestamp: sighting.at.wall(),
        original_len: sighting.bytes.len() as u32,
        data: Cow::Borrowed(sighting.bytes),
        options,
    }
}

fn statistics(interface_id: u32, frames: u64, start: Time, end: Time) -> InterfaceStatisticsBlock<'static> {
    InterfaceStatisticsBlock {
        interface_id,
        timestamp: end.wall(),
        options: vec![
            InterfaceStatisticsOption::IsbStartTime(start.wall()),
            InterfaceStatisticsOption::IsbEndTime(end.wall()),
            InterfaceStatisticsOption::IsbIfRecv(frames),
            // The capture itself misses nothing; what the network dropped is not the interface's doing.
            InterfaceStatisticsOption::IsbIfDrop(0),
        ],
    }
}

fn comment_option(comment: String) -> CommonOption<'static> {
    CommonOption::Comment(comment.into())
}

fn unknown_option(code: u16, value: Vec<u8>) -> EnhancedPacketOption<'static> {
    EnhancedPacketOption::Common(CommonOption::Unknown(UnknownOption { code, value: value.into() }))
}

/// The error of the stream itself, or a sentence with all causes for what does not fit the format.
fn into_io(error: PcapNgWriteError) -> io::Error {
    if let PcapNgWriteError::Io(error) = error {
        return error;
    }
    io::Error::new(io::ErrorKind::InvalidData, super::with_causes(&error))
}
