//! Is a classic pcap file what its format allows to say?

use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcap::{PcapReader, PcapTsResolution};

use super::*;
use crate::capture::tests::{CLIENT, SERVER, about, empty, faults};
use crate::capture::vantage::sightings;
use crate::capture::write_as;
use crate::frame::{IpVersion, Medium};
use crate::time::WALL_BASE;

/// The link type and the resolution of a file, and time and bytes of its frames.
type Read = (DataLink, PcapTsResolution, Vec<(Duration, Vec<u8>)>);

fn read(trace: &Trace, vantage: NodeId) -> Read {
    let mut file = Vec::new();
    write_as(Format::Pcap, trace, vantage, &about(), &mut file).expect("memory has room");
    let mut reader = PcapReader::new(&file[..]).expect("a pcap file");
    let (link, resolution) = (reader.header().datalink, reader.header().ts_resolution);
    let mut frames = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.expect("a frame");
        assert_eq!(packet.orig_len(), packet.len(), "nothing is cut off");
        frames.push((packet.timestamp(), packet.data().to_vec()));
    }
    (link, resolution, frames)
}

#[test]
fn pcap_has_the_frames_of_pcapng_to_the_nanosecond() {
    let media = [
        (Medium::Ethernet, IpVersion::V4, DataLink::ETHERNET),
        (Medium::Ip, IpVersion::V4, DataLink::RAW),
        (Medium::Ip, IpVersion::V6, DataLink::RAW),
    ];
    for (medium, version, expected) in media {
        let trace = faults(medium, version);
        for vantage in [CLIENT, SERVER] {
            let (link, resolution, frames) = read(&trace, vantage);
            assert_eq!((link, resolution), (expected, PcapTsResolution::NanoSecond));
            let seen = sightings(&trace, vantage);
            let seen: Vec<_> = seen.iter().map(|seen| (seen.at.wall(), seen.bytes.to_vec())).collect();
            assert_eq!(frames, seen);
            let begins = if vantage == CLIENT { Duration::ZERO } else { Duration::from_millis(10) };
            assert_eq!(frames[0].0 - WALL_BASE, begins);
        }
        assert!(read(&trace, SERVER).2.iter().any(|(at, _)| at.subsec_nanos() % 1_000 == 500), "half a microsecond");
    }
}

#[test]
fn a_file_without_frames_is_a_file() {
    assert_eq!(read(&empty(Medium::Ethernet), CLIENT).2, []);
}

#[test]
fn a_time_that_the_format_cannot_hold_is_refused() {
    let mut trace = faults(Medium::Ethernet, IpVersion::V4);
    trace.frames[6].sent_at = crate::time::Time::from_secs(107 * 366 * 86_400);
    let error = write_as(Format::Pcap, &trace, CLIENT, &about(), Vec::new()).expect_err("the year 2107");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    assert!(write_as(Format::Pcapng, &trace, CLIENT, &about(), Vec::new()).is_ok());
}

#[test]
fn formats_are_named_by_what_files_end_in() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "cap".parse::<Format>().expect_err("no such format");
    assert_eq!(error, "\"cap\" is no format of captures: pcapng and pcap are");
}
