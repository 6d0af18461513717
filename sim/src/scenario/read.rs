//! How is a file read as a scenario?

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::error::{Place, ScenarioError};
use super::keys::{APP, CABLE, CHANGE, EXPECT, FAULT, HOST, LINK, MIDDLEBOX, POWER, ROUTER, SWITCH, TOP};
use super::model::{App, Cable, Expect, Host, HostState, Scenario, Switch};
use super::quantity::parse_ns;
use super::section::{Section, Source};
use super::{Step, devices, fault, impair};
use crate::frame::Medium;
use crate::link::Impairments;
use crate::nearest::nearest;
use smolsock::TcpState;

impl Scenario {
    /// Reads a scenario. `file` is what errors call the text: a path.
    ///
    /// # Errors
    /// The first thing that is wrong: where it stands, what was found, what is allowed.
    ///
    /// ```
    /// use smolsock_sim::scenario::Scenario;
    /// let error = Scenario::parse("my.toml", "name = \"my\"\nlimt = \"1h\"\n").unwrap_err();
    /// assert!(error.to_string().starts_with("my.toml:2:1: the file has no key \"limt\"; did you mean limit?"));
    /// ```
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let source = Source { file, text };
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            source.error(at, format!("this is not TOML: {}", error.message().lines().collect::<Vec<_>>().join("; ")))
        })?;
        let top = Section::new(&source, "the file", 0, document.get_ref(), &[TOP])?;
        let (scenario, places) = Reader::read(&top)?;
        scenario.check().map_err(|problem| source.error(places.find(&top, &problem.place), problem.message))?;
        // What only the stack itself can tell, of the sizes of its buffers.
        scenario.world().map_err(|error| ScenarioError { file: file.to_owned(), ..error })?;
        Ok(scenario)
    }
}

/// From which section of the file each element of the scenario was made.
struct Places<'d> {
    sections: BTreeMap<&'static str, Vec<Section<'d>>>,
    expect: Option<Section<'d>>,
}

impl Places<'_> {
    fn find(&self, top: &Section<'_>, place: &Place) -> usize {
        let section = match place.section {
            "" => Some(top),
            "expect" => self.expect.as_ref(),
            name => self.sections.get(name).and_then(|all| all.get(place.index)),
        };
        section.unwrap_or(top).place(place.key, place.item)
    }
}

struct Reader<'s, 'd> {
    top: &'s Section<'d>,
    sections: BTreeMap<&'static str, Vec<Section<'d>>>,
}

type Read<T> = Result<T, ScenarioError>;

impl<'d> Reader<'_, 'd> {
    fn read(top: &Section<'d>) -> Read<(Scenario, Places<'d>)> {
        let mut reader = Reader { top, sections: BTreeMap::new() };
        let name = top.must("name", top.text("name")?)?;
        let expect = top.below("expect", "[expect]", EXPECT)?;
        let medium = |text: &str| match text {
            "ethernet" => Ok(Medium::Ethernet),
            "ip" => Ok(Medium::Ip),
            _ => Err("ethernet or ip".to_owned()),
        };
        let scenario = Scenario {
            about: top.text("about")?.unwrap_or_default(),
            seed: top.count("seed", u64::MAX)?.unwrap_or(1),
            limit_ns: top.parsed("limit", parse_ns)?.unwrap_or(Scenario::LIMIT_NS),
            medium: top.parsed("medium", medium)?.unwrap_or(Medium::Ethernet),
            captures: top.texts("captures")?,
            switches: reader.all("switch", "[[switch]]", &[SWITCH], read_switch)?,
            routers: reader.all("router", "[[router]]", &[ROUTER], devices::read_router)?,
            middleboxes: reader.all("middlebox", "[[middlebox]]", &[MIDDLEBOX], devices::read_middlebox)?,
            hosts: reader.all("host", "[[host]]", &[HOST], read_host)?,
            cables: reader.all("cable", "[[cable]]", &[CABLE, LINK], read_cable)?,
            faults: reader.all("fault", "[[fault]]", &[FAULT], fault::read)?,
            changes: reader.all("change", "[[change]]", &[CHANGE, LINK], fault::read_change)?,
            power: reader.all("power", "[[power]]", &[POWER], devices::read_power)?,
            apps: reader.all("app", "[[app]]", &[APP], read_app)?,
            expect: expect.as_ref().map(read_expect).transpose()?.unwrap_or_default(),
            ..Scenario::new(&name)
        };
        Ok((scenario, Places { sections: reader.sections, expect }))
    }

    /// Each section of this name, as often as its `count` says.
    fn all<T>(
        &mut self,
        key: &'static str,
        title: &'static str,
        keys: &[&[&str]],
        read: impl Fn(&Section<'d>) -> Read<T>,
    ) -> Read<Vec<T>> {
        let mut all = Vec::new();
        let mut places = Vec::new();
        for section in self.top.all(key, title, keys)? {
            let copies = match section.count("count", COPIES_MAX)? {
                None => vec![None],
                Some(count) => (0..count).map(Some).collect(),
            };
            for copy in copies {
                let section = section.copied(copy);
                all.push(read(&section)?);
                places.push(section);
            }
        }
        self.sections.insert(key, places);
        Ok(all)
    }
}

fn read_switch(section: &Section<'_>) -> Read<Switch> {
    Ok(Switch { name: section.must("name", section.text("name")?)? })
}

fn read_host(section: &Section<'_>) -> Read<Host> {
    let mut host = Host {
        name: section.must("name", section.text("name")?)?,
        addresses: section.texts("addresses")?,
        gateways: section.texts("gateways")?,
        tcp_recv_bytes: section.bytes("tcp_recv")?,
        tcp_send_bytes: section.bytes("tcp_send")?,
        half_open_max: section.count_u32("half_open_max")?,
        time_wait_max: section.count_u32("time_wait_max")?,
        time_wait_ns: section.parsed("time_wait", parse_ns)?,
        connect_timeout_ns: section.parsed("connect_timeout", parse_ns)?,
        half_open_timeout_ns: section.parsed("half_open_timeout", parse_ns)?,
        fin_wait_2_timeout_ns: section.parsed("fin_wait_2_timeout", parse_ns)?,
        user_timeout_ns: section.parsed("user_timeout", parse_ns)?,
        tail_loss_probes: section.flag("tail_loss_probes")?,
        ..Host::default()
    };
    devices::read_realism(section, &mut host)?;
    Ok(host)
}

fn read_cable(section: &Section<'_>) -> Read<Cable> {
    let both = impair::read(section, Impairments::default())?;
    let way = |key, title| -> Read<Impairments> {
        section.below(key, title, LINK)?.map_or(Ok(both), |below| impair::read(&below, both))
    };
    Ok(Cable {
        name: section.must("name", section.text("name")?)?,
        a: section.must("a", section.text("a")?)?,
        b: section.must("b", section.text("b")?)?,
        forward: way("forward", "[cable.forward]")?,
        back: way("back", "[cable.back]")?,
    })
}

fn read_app(section: &Section<'_>) -> Read<App> {
    let host = section.must("host", section.text("host")?)?;
    Ok(App {
        name: section.text("name")?.unwrap_or_else(|| host.clone()),
        host,
        start_ns: section.parsed("start", parse_ns)?.unwrap_or(0),
        is_service: section.flag("service")?.unwrap_or(false),
        is_background: section.flag("background")?.unwrap_or(false),
        steps: section.list("steps", str::parse::<Step>)?,
    })
}

fn read_expect(section: &Section<'_>) -> Read<Expect> {
    Ok(Expect {
        ends_within_ns: section.parsed("ends_within", parse_ns)?,
        retransmissions_min: section.count("retransmissions_min", u64::MAX)?,
        retransmissions_max: section.count("retransmissions_max", u64::MAX)?,
        drops_min: section.count("drops_min", u64::MAX)?,
        drops_max: section.count("drops_max", u64::MAX)?,
        connections_min: section.count("connections_min", u64::MAX)?,
        states: section.list("states", parse_state)?,
        segments: section.texts("segments")?,
    })
}

/// `client TIME-WAIT`.
fn parse_state(text: &str) -> Result<HostState, String> {
    let (host, name) = text.rsplit_once(' ').unwrap_or(("", text));
    let state = STATES.iter().find(|state| state.rfc_name() == name);
    match state {
        Some(state) if !host.is_empty() => Ok(HostState { host: host.to_owned(), state: *state }),
        _ => {
            let tip = nearest(name, STATES.iter().map(|state| state.rfc_name()));
            let tip =
                tip.filter(|_| state.is_none()).map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
            Err(format!("states: expected a host and a state of RFC 9293 as in client TIME-WAIT, found {text:?}{tip}"))
        }
    }
}

const STATES: &[TcpState] = &[
    TcpState::Closed,
    TcpState::Listen,
    TcpState::SynSent,
    TcpState::SynReceived,
    TcpState::Established,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::CloseWait,
    TcpState::Closing,
    TcpState::LastAck,
    TcpState::TimeWait,
];

/// Copies of a section.
const COPIES_MAX: u64 = 10_000;
