//! How is a scenario printed as TOML?
//!
//! What is as by default is left out, and what is printed reads as the same scenario.

use std::fmt::Write as _;

use super::model::{App, Cable, Expect, Host, Scenario};
use super::quantity::{print_bytes, print_ns};
use super::{Step, devices, fault, impair};
use crate::frame::Medium;

impl Scenario {
    /// The scenario as a file: [`Scenario::parse`] gives it back, equal in every value.
    pub fn to_toml(&self) -> String {
        let mut lines = Lines::default();
        lines.text("name", &self.name);
        lines.text_if("about", (!self.about.is_empty()).then(|| self.about.clone()));
        lines.number_if("seed", (self.seed != 1).then_some(self.seed));
        lines.text_if("limit", (self.limit_ns != Self::LIMIT_NS).then(|| print_ns(self.limit_ns)));
        lines.text_if("medium", (self.medium == Medium::Ip).then(|| "ip".to_owned()));
        lines.texts("captures", &self.captures);
        for switch in &self.switches {
            lines.title("[[switch]]");
            lines.text("name", &switch.name);
        }
        self.routers.iter().for_each(|router| devices::write_router(&mut lines, router));
        self.middleboxes.iter().for_each(|middlebox| devices::write_middlebox(&mut lines, middlebox));
        self.hosts.iter().for_each(|host| write_host(&mut lines, host));
        self.cables.iter().for_each(|cable| write_cable(&mut lines, cable));
        self.faults.iter().for_each(|fault| fault::write(&mut lines, fault));
        self.changes.iter().for_each(|change| fault::write_change(&mut lines, change));
        self.power.iter().for_each(|power| devices::write_power(&mut lines, power));
        self.apps.iter().for_each(|app| write_app(&mut lines, app));
        write_expect(&mut lines, &self.expect);
        lines.out
    }
}

fn write_host(lines: &mut Lines, host: &Host) {
    lines.title("[[host]]");
    lines.text("name", &host.name);
    lines.texts("addresses", &host.addresses);
    lines.texts("gateways", &host.gateways);
    lines.text_if("tcp_recv", host.tcp_recv_bytes.map(print_bytes));
    lines.text_if("tcp_send", host.tcp_send_bytes.map(print_bytes));
    lines.number_if("half_open_max", host.half_open_max.map(u64::from));
    lines.number_if("time_wait_max", host.time_wait_max.map(u64::from));
    lines.text_if("time_wait", host.time_wait_ns.map(print_ns));
    lines.text_if("connect_timeout", host.connect_timeout_ns.map(print_ns));
    lines.text_if("half_open_timeout", host.half_open_timeout_ns.map(print_ns));
    lines.text_if("fin_wait_2_timeout", host.fin_wait_2_timeout_ns.map(print_ns));
    lines.text_if("user_timeout", host.user_timeout_ns.map(print_ns));
    lines.line_if("tail_loss_probes", host.tail_loss_probes.map(|is_on| is_on.to_string()));
    devices::write_realism(lines, host);
}

fn write_cable(lines: &mut Lines, cable: &Cable) {
    lines.title("[[cable]]");
    lines.text("name", &cable.name);
    lines.text("a", &cable.a);
    lines.text("b", &cable.b);
    if cable.forward == cable.back {
        impair::write(lines, &cable.forward);
        return;
    }
    lines.title("[cable.forward]");
    impair::write(lines, &cable.forward);
    lines.title("[cable.back]");
    impair::write(lines, &cable.back);
}

fn write_app(lines: &mut Lines, app: &App) {
    lines.title("[[app]]");
    lines.text("host", &app.host);
    lines.text("name", &app.name);
    lines.text_if("start", (app.start_ns > 0).then(|| print_ns(app.start_ns)));
    lines.flag_if("background", app.is_background);
    lines.flag_if("service", app.is_service);
    lines.texts("steps", &app.steps.iter().map(Step::to_string).collect::<Vec<_>>());
}

fn write_expect(lines: &mut Lines, expect: &Expect) {
    if *expect == Expect::default() {
        return;
    }
    lines.title("[expect]");
    lines.text_if("ends_within", expect.ends_within_ns.map(print_ns));
    lines.number_if("retransmissions_min", expect.retransmissions_min);
    lines.number_if("retransmissions_max", expect.retransmissions_max);
    lines.number_if("drops_min", expect.drops_min);
    lines.number_if("drops_max", expect.drops_max);
    lines.number_if("connections_min", expect.connections_min);
    let states = expect.states.iter().map(|state| format!("{} {}", state.host, state.state.rfc_name()));
    lines.texts("states", &states.collect::<Vec<_>>());
    lines.texts("segments", &expect.segments);
}

/// The lines of a file.
#[derive(Debug, Default)]
pub(super) struct Lines {
    out: String,
}

impl Lines {
    /// A title with an empty line before it.
    pub(super) fn title(&mut self, title: &str) {
        self.out.push('\n');
        self.out.push_str(title);
        self.out.push('\n');
    }

    fn line(&mut self, key: &str, value: &str) {
        for part in [key, " = ", value, "\n"] {
            self.out.push_str(part);
        }
    }

    fn line_if(&mut self, key: &str, value: Option<String>) {
        if let Some(value) = value {
            self.line(key, &value);
        }
    }

    /// A text in quotes.
    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.line(key, &quoted(text));
    }

    /// A text in quotes, if there is one.
    pub(super) fn text_if(&mut self, key: &str, text: Option<String>) {
        self.line_if(key, text.map(|text| quoted(&text)));
    }

    /// A whole number, if there is one.
    pub(super) fn number_if(&mut self, key: &str, number: Option<u64>) {
        self.line_if(key, number.map(|number| number.to_string()));
    }

    /// `true`, if it is.
    pub(super) fn flag_if(&mut self, key: &str, flag: bool) {
        self.line_if(key, flag.then(|| "true".to_owned()));
    }

    /// A list of texts: on one line where it is short.
    pub(super) fn texts(&mut self, key: &str, texts: &[String]) {
        let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        let len: usize = quoted.iter().map(|text| text.chars().count() + 2).sum();
        if texts.is_empty() {
        } else if len <= LIST_WIDTH {
            self.line(key, &format!("[{}]", quoted.join(", ")));
        } else {
            self.line(key, &format!("[\n    {},\n]", quoted.join(",\n    ")));
        }
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            control if control.is_control() => drop(write!(out, "\\U{:08x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Longer lists get a line for each item.
const LIST_WIDTH: usize = 80;
