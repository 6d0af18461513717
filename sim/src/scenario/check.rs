//! Does a scenario hang together?

use std::collections::BTreeSet;
use std::net::IpAddr;

use smolsock::addr::Cidr;

use super::error::{Place, Problem};
use super::model::{App, Cable, Host, Scenario};
use super::step::Call;
use super::{Step, devices, fault};
use crate::frame::Medium;
use crate::link::Impairments;
use crate::nearest::nearest;
use crate::world::Change;

/// Steps that one application may carry out, with what it repeats: each is work even where no time passes.
const STEPS_MAX: u64 = 10_000_000;
/// Nodes of a scenario: their link-layer addresses count with 16 bits.
const NODES_MAX: usize = 20_000;

impl Scenario {
    /// The first thing that is wrong, and where.
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.check_top()?;
        self.check_names()?;
        for (index, host) in self.hosts.iter().enumerate() {
            check_host(host, index)?;
        }
        for (index, cable) in self.cables.iter().enumerate() {
            self.check_cable(cable, index)?;
        }
        for (index, fault) in self.faults.iter().enumerate() {
            let cables = self.cables.iter().map(|cable| cable.name.as_str());
            known("cable", &fault.cable, cables).map_err(at("fault", index, "cable"))?;
            if !fault::is_sayable(&fault.fault) {
                return Err(at("fault", index, "act")(format!("{:?} is out of range", fault.fault)));
            }
        }
        for (index, change) in self.changes.iter().enumerate() {
            self.check_change(&change.change, index)?;
        }
        for (index, power) in self.power.iter().enumerate() {
            self.is_host(&power.host).map_err(at("power", index, "host"))?;
        }
        self.check_devices()?;
        for (index, app) in self.apps.iter().enumerate() {
            self.check_app(app, index)?;
        }
        for (item, state) in self.expect.states.iter().enumerate() {
            self.is_host(&state.host).map_err(at_item("expect", 0, "states", item))?;
        }
        Ok(())
    }

    fn check_top(&self) -> Result<(), Problem> {
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
        if self.name.is_empty() || !self.name.chars().all(is_plain) {
            let message = format!("name: expected letters of a to z, digits, - and _, found {:?}", self.name);
            return Err(at("", 0, "name")(message));
        }
        if self.limit_ns == 0 {
            return Err(at("", 0, "limit")("limit: nothing can happen in no time".to_owned()));
        }
        for (item, name) in self.captures.iter().enumerate() {
            self.is_host(name).map_err(at_item("", 0, "captures", item))?;
        }
        Ok(())
    }

    /// The names of all nodes that are no hosts, and what they are.
    fn devices(&self) -> impl Iterator<Item = (&str, &'static str, usize)> {
        let switches = self.switches.iter().enumerate().map(|(at, switch)| (switch.name.as_str(), "switch", at));
        let routers = self.routers.iter().enumerate().map(|(at, router)| (router.name.as_str(), "router", at));
        let boxes = self.middleboxes.iter().enumerate().map(|(at, each)| (each.name.as_str(), "middlebox", at));
        switches.chain(routers).chain(boxes)
    }

    fn check_names(&self) -> Result<(), Problem> {
        let mut nodes = BTreeSet::new();
        let hosts = self.hosts.iter().enumerate().map(|(index, host)| (host.name.as_str(), "host", index));
        for (name, section, index) in self.devices().chain(hosts) {
            check_name(name).map_err(at(section, index, "name"))?;
            if !nodes.insert(name) {
                return Err(at(section, index, "name")(format!("name: two nodes are called {name}")));
            }
        }
        let mut cables = BTreeSet::new();
        for (index, cable) in self.cables.iter().enumerate() {
            check_name(&cable.name).map_err(at("cable", index, "name"))?;
            if !cables.insert(cable.name.as_str()) {
                return Err(at("cable", index, "name")(format!("name: two cables are called {}", cable.name)));
            }
        }
        if nodes.len() > NODES_MAX {
            return Err(at("", 0, "")(format!("{} nodes; there may be {NODES_MAX}", nodes.len())));
        }
        match self.switches.first() {
            Some(_) if self.medium == Medium::Ip => {
                Err(at("switch", 0, "name")("a switch needs medium = \"ethernet\"".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// A name that is one of the hosts'.
    fn is_host(&self, name: &str) -> Result<(), String> {
        if let Some((_, kind, _)) = self.devices().find(|(device, ..)| *device == name) {
            return Err(format!("{name} is a {kind}; expected a host"));
        }
        known("host", name, self.hosts.iter().map(|host| host.name.as_str()))
    }

    fn check_cable(&self, cable: &Cable, index: usize) -> Result<(), Problem> {
        for (key, end) in [("a", &cable.a), ("b", &cable.b)] {
            let nodes = self.devices().map(|(name, ..)| name).chain(self.hosts.iter().map(|host| host.name.as_str()));
            known("node", end, nodes).map_err(at("cable", index, key))?;
            let others = self.cables[..index].iter().filter(|other| other.a == *end || other.b == *end);
            if others.count() >= self.ports_of(end) {
                let ports = self.ports_of(end);
                let message = format!("{key}: {end} takes no more than {ports} cable(s); use a switch");
                return Err(at("cable", index, key)(message));
            }
        }
        if cable.a == cable.b {
            return Err(at("cable", index, "b")(format!("b: a cable needs two ends, and {} is both", cable.b)));
        }
        for (key, way) in [("forward", &cable.forward), ("back", &cable.back)] {
            way.check().map_err(|error| at("cable", index, key)(error.to_string()))?;
        }
        Ok(())
    }

    /// How many cables a node takes.
    fn ports_of(&self, node: &str) -> usize {
        let router = self.routers.iter().find(|router| router.name == node).map(|router| router.ports.len());
        let middlebox = || self.middleboxes.iter().any(|middlebox| middlebox.name == node).then_some(2);
        let host = || self.hosts.iter().any(|host| host.name == node).then_some(1);
        router.or_else(middlebox).or_else(host).unwrap_or(usize::MAX)
    }

    fn check_devices(&self) -> Result<(), Problem> {
        for (index, router) in self.routers.iter().enumerate() {
            for (item, port) in router.ports.iter().enumerate() {
                let is_good =
                    !port.trim().is_empty() && port.split_whitespace().all(|text| text.parse::<Cidr>().is_ok());
                if !is_good {
                    let message =
                        format!("ports: expected addresses with prefixes as in 192.0.2.254/24, found {port:?}");
                    return Err(at_item("router", index, "ports", item)(message));
                }
            }
            for (item, (prefix, via)) in router.routes.iter().enumerate() {
                if prefix.parse::<Cidr>().is_err() || via.parse::<IpAddr>().is_err() {
                    let message =
                        format!("routes: {prefix} is no prefix, or {via} no address, as in 0.0.0.0/0 via 192.0.2.254");
                    return Err(at_item("router", index, "routes", item)(message));
                }
            }
        }
        for (index, middlebox) in self.middleboxes.iter().enumerate() {
            if let Some(item) = middlebox.strip.iter().position(|strip| !devices::is_sayable(strip)) {
                return Err(at_item("middlebox", index, "strip", item)(UNSAYABLE.to_owned()));
            }
        }
        for (index, host) in self.hosts.iter().enumerate() {
            if let Some(item) = host.strip.iter().position(|strip| !devices::is_sayable(strip)) {
                return Err(at_item("host", index, "strip", item)(UNSAYABLE.to_owned()));
            }
            if let Some(item) = host.refuses.iter().position(|span| span.from_ns >= span.until_ns) {
                let message = "refuses: a span ends after its beginning".to_owned();
                return Err(at_item("host", index, "refuses", item)(message));
            }
        }
        Ok(())
    }

    fn check_change(&self, change: &Change, index: usize) -> Result<(), Problem> {
        let (cable, to) = match change {
            Change::Cut { cable, .. } | Change::Heal { cable, .. } => (cable, None),
            Change::Impair { cable, to, .. } => (cable, Some(to)),
            Change::Crash { .. } | Change::Restart { .. } => {
                return Err(at("change", index, "do")("a host crashes and restarts in [[power]]".to_owned()));
            }
        };
        let cables = self.cables.iter().map(|cable| cable.name.as_str());
        known("cable", cable, cables).map_err(at("change", index, "cable"))?;
        let checked = to.map_or(Ok(()), Impairments::check);
        checked.map_err(|error| at("change", index, "do")(error.to_string()))
    }

    fn check_app(&self, app: &App, index: usize) -> Result<(), Problem> {
        self.is_host(&app.host).map_err(at("app", index, "host"))?;
        check_name(&app.name).map_err(at("app", index, "name"))?;
        let mut times: Vec<u64> = vec![1];
        let mut work = 0_u64;
        for (item, step) in app.steps.iter().enumerate() {
            let wrong = at_item("app", index, "steps", item);
            // Made by a program, not read from a file: it may be what no line can say.
            if step.to_string().parse().as_ref() != Ok(step) {
                return Err(wrong(format!("step {step:?} is out of range, or its text is not one line of text")));
            }
            let factor = times.last().copied().unwrap_or(1);
            work = work.saturating_add(factor);
            match &step.call {
                Call::Repeat(count) => times.push(factor.saturating_mul(u64::from(*count))),
                Call::End if times.len() == 1 => return Err(wrong("end: there is no repeat before it".to_owned())),
                Call::End => drop(times.pop()),
                Call::Expect { .. } if !item.checked_sub(1).is_some_and(|before| can_fail(&app.steps[before])) => {
                    return Err(wrong(format!("{step}: the step before it cannot fail")));
                }
                _ => {}
            }
            if work > STEPS_MAX {
                return Err(wrong(format!("with what it repeats, an application may have {STEPS_MAX} steps")));
            }
        }
        if times.len() > 1 {
            let item = app.steps.iter().rposition(|step| matches!(step.call, Call::Repeat(_))).unwrap_or(0);
            return Err(at_item("app", index, "steps", item)("repeat: there is no end behind it".to_owned()));
        }
        Ok(())
    }
}

fn can_fail(step: &Step) -> bool {
    !matches!(step.call, Call::Expect { .. } | Call::Repeat(_) | Call::End | Call::Note(_) | Call::Sleep(_))
}

fn check_host(host: &Host, index: usize) -> Result<(), Problem> {
    for (item, text) in host.addresses.iter().enumerate() {
        text.parse::<Cidr>().map_err(|_| {
            let message = format!("addresses: expected an address with its prefix as in 192.0.2.1/24, found {text:?}");
            at_item("host", index, "addresses", item)(message)
        })?;
    }
    for (item, text) in host.gateways.iter().enumerate() {
        text.parse::<IpAddr>().map_err(|_| {
            let message = format!("gateways: expected an address as in 192.0.2.254, found {text:?}");
            at_item("host", index, "gateways", item)(message)
        })?;
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    let is_plain = !name.is_empty() && name.trim() == name && !name.chars().any(char::is_control);
    if is_plain { Ok(()) } else { Err(format!("name: expected a word or several, found {name:?}")) }
}

fn known<'n>(what: &str, name: &str, names: impl Iterator<Item = &'n str>) -> Result<(), String> {
    let names: Vec<&str> = names.collect();
    if names.contains(&name) {
        return Ok(());
    }
    match nearest(name, names.iter().copied()) {
        Some(meant) => Err(format!("there is no {what} {name:?}; did you mean {meant}?")),
        None if names.is_empty() => Err(format!("there is no {what} {name:?}, nor any other")),
        None if names.len() > NAMES_SHOWN => {
            Err(format!("there is no {what} {name:?}; there are {} …", names[..NAMES_SHOWN].join(", ")))
        }
        None => Err(format!("there is no {what} {name:?}; there are {}", names.join(", "))),
    }
}

fn at(section: &'static str, index: usize, key: &'static str) -> impl Fn(String) -> Problem {
    move |message| Problem { place: Place { section, index, key, item: None }, message }
}

fn at_item(section: &'static str, index: usize, key: &'static str, item: usize) -> impl Fn(String) -> Problem {
    move |message| Problem { place: Place { section, index, key, item: Some(item) }, message }
}

/// Why an option to strip is refused that a program has made.
const UNSAYABLE: &str = "strip: options 0 and 1, and those with names, are not said by their kind";
/// Names that an error lists.
const NAMES_SHOWN: usize = 12;
