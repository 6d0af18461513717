//! How are routers, middleboxes and imperfect hosts written?

use super::error::ScenarioError;
use super::keys::NAT;
use super::model::{Host, Middlebox, Nat, Power, Refusal, Router};
use super::quantity::{parse_ns, print_ns};
use super::section::Section;
use super::write::Lines;
use crate::middlebox::{Strip, TcpOption, Window};

type Read<T> = Result<T, ScenarioError>;

/// Reads `[[router]]`.
pub(super) fn read_router(section: &Section<'_>) -> Read<Router> {
    Ok(Router {
        name: section.must("name", section.text("name")?)?,
        ports: section.texts("ports")?,
        routes: section.list("routes", parse_route)?,
    })
}

/// Prints `[[router]]`.
pub(super) fn write_router(lines: &mut Lines, router: &Router) {
    lines.title("[[router]]");
    lines.text("name", &router.name);
    lines.texts("ports", &router.ports);
    let routes = router.routes.iter().map(|(prefix, via)| format!("{prefix} via {via}"));
    lines.texts("routes", &routes.collect::<Vec<_>>());
}

fn parse_route(text: &str) -> Result<(String, String), String> {
    match text.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        [prefix, "via", router] => Ok((prefix.to_owned(), router.to_owned())),
        _ => Err(format!("routes: expected a prefix and a router as in 0.0.0.0/0 via 192.0.2.254, found {text:?}")),
    }
}

/// Reads `[[middlebox]]`.
pub(super) fn read_middlebox(section: &Section<'_>) -> Read<Middlebox> {
    let nat = |nat: Section<'_>| -> Read<Nat> {
        Ok(Nat {
            inside: nat.must("inside", nat.text("inside")?)?,
            outside: nat.must("outside", nat.text("outside")?)?,
            gateway: nat.text("gateway")?,
            udp_idle_ns: nat.parsed("udp_idle", parse_ns)?,
            tcp_established_idle_ns: nat.parsed("tcp_established_idle", parse_ns)?,
            tcp_transitory_idle_ns: nat.parsed("tcp_transitory_idle", parse_ns)?,
            icmp_idle_ns: nat.parsed("icmp_idle", parse_ns)?,
        })
    };
    Ok(Middlebox {
        name: section.must("name", section.text("name")?)?,
        strip: section.list("strip", parse_strip)?,
        mss_max: section.count("mss_max", u16::MAX.into())?.and_then(|bytes| u16::try_from(bytes).ok()),
        window: section.parsed("window", parse_window)?,
        nat: section.below("nat", "[middlebox.nat]", NAT)?.map(nat).transpose()?,
    })
}

/// Prints `[[middlebox]]`.
pub(super) fn write_middlebox(lines: &mut Lines, middlebox: &Middlebox) {
    lines.title("[[middlebox]]");
    lines.text("name", &middlebox.name);
    lines.texts("strip", &middlebox.strip.iter().map(print_strip).collect::<Vec<_>>());
    lines.number_if("mss_max", middlebox.mss_max.map(u64::from));
    lines.text_if("window", middlebox.window.map(print_window));
    let Some(nat) = &middlebox.nat else { return };
    lines.title("[middlebox.nat]");
    lines.text("inside", &nat.inside);
    lines.text("outside", &nat.outside);
    lines.text_if("gateway", nat.gateway.clone());
    lines.text_if("udp_idle", nat.udp_idle_ns.map(print_ns));
    lines.text_if("tcp_established_idle", nat.tcp_established_idle_ns.map(print_ns));
    lines.text_if("tcp_transitory_idle", nat.tcp_transitory_idle_ns.map(print_ns));
    lines.text_if("icmp_idle", nat.icmp_idle_ns.map(print_ns));
}

const OPTIONS: &[(&str, TcpOption)] = &[
    ("mss", TcpOption::Mss),
    ("window-scale", TcpOption::WindowScale),
    ("sack-permitted", TcpOption::SackPermitted),
    ("sack", TcpOption::Sack),
    ("timestamps", TcpOption::Timestamps),
];

/// Reads `window-scale`, `timestamps everywhere`, `kind 30`.
fn parse_strip(text: &str) -> Result<Strip, String> {
    let (name, from_all) = match text.strip_suffix(" everywhere") {
        Some(name) => (name, true),
        None => (text, false),
    };
    let known = OPTIONS.iter().find(|(known, _)| *known == name).map(|(_, option)| *option);
    let other = || name.strip_prefix("kind ")?.parse().ok().filter(|kind| *kind >= 2).map(TcpOption::Other);
    match known.or_else(other) {
        Some(option) => Ok(Strip { option, from_all }),
        None => {
            let names: Vec<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
            Err(format!(
                "strip: expected one of {}, or kind 30, with everywhere behind it for segments without SYN too, found {text:?}",
                names.join(", ")
            ))
        }
    }
}

fn print_strip(strip: &Strip) -> String {
    let name = match strip.option {
        TcpOption::Other(kind) => format!("kind {kind}"),
        option => {
            let known = OPTIONS.iter().find(|(_, known)| *known == option);
            known.map_or_else(String::new, |(name, _)| (*name).to_owned())
        }
    };
    format!("{name}{}", if strip.from_all { " everywhere" } else { "" })
}

/// Whether a file can say this.
pub(super) fn is_sayable(strip: &Strip) -> bool {
    parse_strip(&print_strip(strip)) == Ok(*strip)
}

fn parse_window(text: &str) -> Result<Window, String> {
    let at_most = text.strip_prefix("at most ").and_then(|number| number.parse().ok()).map(Window::AtMost);
    let exactly = || text.strip_prefix("exactly ").and_then(|number| number.parse().ok()).map(Window::Exactly);
    at_most.or_else(exactly).ok_or_else(|| "at most 4096, or exactly 4096 (0 to 65535)".to_owned())
}

fn print_window(window: Window) -> String {
    match window {
        Window::AtMost(max) => format!("at most {max}"),
        Window::Exactly(exact) => format!("exactly {exact}"),
    }
}

/// Reads what a host's network card and scheduler do to it, into `host`.
pub(super) fn read_realism(section: &Section<'_>, host: &mut Host) -> Read<()> {
    host.mtu_bytes = section.bytes("mtu")?;
    host.batch_frames = section.count_u32("batch_frames")?;
    host.batch_window_ns = section.parsed("batch_window", parse_ns)?;
    host.poll_latency_ns = section.parsed("poll_latency", parse_ns)?;
    host.refuses = section.list("refuses", parse_span)?;
    host.strip = section.list("strip", parse_strip)?;
    host.initial_sequence = section.count_u32("initial_sequence")?;
    Ok(())
}

/// Prints it.
pub(super) fn write_realism(lines: &mut Lines, host: &Host) {
    lines.text_if("mtu", host.mtu_bytes.map(super::quantity::print_bytes));
    lines.number_if("batch_frames", host.batch_frames.map(u64::from));
    lines.text_if("batch_window", host.batch_window_ns.map(print_ns));
    lines.text_if("poll_latency", host.poll_latency_ns.map(print_ns));
    let spans =
        host.refuses.iter().map(|span| format!("from {} until {}", print_ns(span.from_ns), print_ns(span.until_ns)));
    lines.texts("refuses", &spans.collect::<Vec<_>>());
    lines.texts("strip", &host.strip.iter().map(print_strip).collect::<Vec<_>>());
    lines.number_if("initial_sequence", host.initial_sequence.map(u64::from));
}

fn parse_span(text: &str) -> Result<Refusal, String> {
    let span = match text.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        ["from", from, "until", until] => parse_ns(from).ok().zip(parse_ns(until).ok()),
        _ => None,
    };
    let span = span.filter(|(from, until)| from < until).map(|(from_ns, until_ns)| Refusal { from_ns, until_ns });
    span.ok_or_else(|| format!("refuses: expected a span as in from 100ms until 250ms, found {text:?}"))
}

/// Reads `[[power]]`.
pub(super) fn read_power(section: &Section<'_>) -> Read<Power> {
    let verb = |text: &str| match text {
        "crash" => Ok(false),
        "restart" => Ok(true),
        _ => Err("crash or restart".to_owned()),
    };
    Ok(Power {
        at_ns: section.must("at", section.parsed("at", parse_ns)?)?,
        host: section.must("host", section.text("host")?)?,
        is_on: section.must("do", section.parsed("do", verb)?)?,
    })
}

/// Prints `[[power]]`.
pub(super) fn write_power(lines: &mut Lines, power: &Power) {
    lines.title("[[power]]");
    lines.text("at", &print_ns(power.at_ns));
    lines.text("do", if power.is_on { "restart" } else { "crash" });
    lines.text("host", &power.host);
}
