//! Which setting does an option change, and to what?

use super::sockopt::Name;
use super::value::Value;
use super::{Congestion, Options};
use crate::errno::Errno;

impl Options {
    /// Changes a setting. `is_stream`: of a TCP socket.
    pub(crate) fn set(&mut self, name: Name, value: Value, is_stream: bool) -> Result<(), Errno> {
        match value {
            Value::Flag(on) => *self.flag(name).ok_or(Errno::ENOPROTOOPT)? = on,
            Value::Number(number) => self.set_number(name, number, is_stream)?,
            Value::Span(span) => match name {
                Name::SO_LINGER => self.linger = span,
                Name::SO_RCVTIMEO => self.recv_timeout = span,
                Name::SO_SNDTIMEO => self.send_timeout = span,
                _ => return Err(Errno::ENOPROTOOPT),
            },
            // Linux: an algorithm that is not there is no such file.
            Value::Control(control) if !Congestion::BUILT_IN.contains(&control) => return Err(Errno::ENOENT),
            Value::Control(control) => self.congestion = Some(control),
            Value::Member(_) | Value::Error(_) | Value::Kind(_) | Value::Family(_) | Value::Info(_) => {
                return Err(Errno::ENOPROTOOPT);
            }
        }
        Ok(())
    }

    /// A setting; `None` if the option is not one.
    pub(crate) fn get(&mut self, name: Name) -> Option<Value> {
        if let Some(flag) = self.flag(name) {
            return Some(Value::Flag(*flag));
        }
        let number = match name {
            Name::SO_LINGER => return Some(Value::Span(self.linger)),
            Name::SO_RCVTIMEO => return Some(Value::Span(self.recv_timeout)),
            Name::SO_SNDTIMEO => return Some(Value::Span(self.send_timeout)),
            Name::TCP_CONGESTION => return Some(Value::Control(self.congestion.unwrap_or(Congestion::DEFAULT))),
            Name::SO_RCVLOWAT => self.recv_low_water as i32,
            Name::IP_TTL => i32::from(self.ttl),
            Name::IPV6_UNICAST_HOPS => i32::from(self.unicast_hops),
            Name::IP_TOS => i32::from(self.tos),
            Name::IPV6_TCLASS => i32::from(self.traffic_class),
            Name::IP_MULTICAST_TTL | Name::IPV6_MULTICAST_HOPS => i32::from(self.multicast_ttl),
            Name::TCP_KEEPIDLE => i32::from(self.keep_idle_secs),
            Name::TCP_KEEPINTVL => i32::from(self.keep_interval_secs),
            Name::TCP_KEEPCNT => i32::from(self.keep_count),
            Name::TCP_USER_TIMEOUT => self.user_timeout_ms as i32,
            _ => return None,
        };
        Some(Value::Number(number))
    }

    fn flag(&mut self, name: Name) -> Option<&mut bool> {
        Some(match name {
            Name::SO_REUSEADDR => &mut self.reuse_address,
            Name::SO_REUSEPORT => &mut self.reuse_port,
            Name::SO_KEEPALIVE => &mut self.keep_alive,
            Name::SO_BROADCAST => &mut self.broadcast,
            Name::IP_HDRINCL => &mut self.header_included,
            Name::IP_RECVTTL | Name::IPV6_RECVHOPLIMIT => &mut self.recv_ttl,
            Name::IP_RECVTOS | Name::IPV6_RECVTCLASS => &mut self.recv_tos,
            Name::IP_PKTINFO | Name::IPV6_RECVPKTINFO => &mut self.packet_info,
            Name::IP_MULTICAST_LOOP | Name::IPV6_MULTICAST_LOOP => &mut self.multicast_loop,
            Name::IP_MULTICAST_ALL => &mut self.multicast_all,
            Name::IPV6_V6ONLY => &mut self.v6_only,
            Name::TCP_NODELAY => &mut self.no_delay,
            Name::TCP_CORK => &mut self.cork,
            Name::TCP_QUICKACK => &mut self.quick_ack,
            _ => return None,
        })
    }

    fn set_number(&mut self, name: Name, number: i32, is_stream: bool) -> Result<(), Errno> {
        let new = Self::NEW;
        match name {
            // Linux: these two take their flags as numbers, and no other numbers.
            Name::IP_MULTICAST_ALL => self.multicast_all = within(number, 0, 1)? != 0,
            Name::IPV6_MULTICAST_LOOP => self.multicast_loop = within(number, 0, 1)? != 0,
            // Linux: beyond `int`, and beyond what can ever wait, nothing would be readable.
            Name::SO_RCVLOWAT => {
                let max = if is_stream { i32::from(u16::MAX) } else { i32::MAX };
                self.recv_low_water = if number < 0 { max } else { number.clamp(1, max) } as u32;
            }
            Name::SO_RCVBUF => {
                let max = if is_stream { crate::config::TCP_RECV_BYTES_MAX as u32 } else { UDP_BYTES_MAX };
                self.recv_buffer_bytes = (number as u32).clamp(RECV_BYTES_MIN, max);
            }
            Name::SO_SNDBUF => {
                let max = if is_stream { TCP_SEND_BYTES_MAX } else { UDP_BYTES_MAX };
                self.send_buffer_bytes = (number as u32).clamp(SEND_BYTES_MIN, max);
            }
            Name::IP_TTL => self.ttl = hops(number, 1, new.ttl)?,
            Name::IPV6_UNICAST_HOPS => self.unicast_hops = hops(number, 0, new.unicast_hops)?,
            Name::IP_MULTICAST_TTL | Name::IPV6_MULTICAST_HOPS => {
                self.multicast_ttl = hops(number, 0, new.multicast_ttl)?;
            }
            // Linux: IP_TOS is cut, IPV6_TCLASS has a range; ECN belongs to TCP.
            Name::IP_TOS => self.tos = number as u8 & if is_stream { !ECN } else { u8::MAX },
            Name::IPV6_TCLASS => {
                self.traffic_class = hops(number, 0, 0)? & if is_stream { !ECN } else { u8::MAX };
            }
            Name::TCP_MAXSEG if number == 0 => self.max_segment = 0,
            Name::TCP_MAXSEG => self.max_segment = within(number, 88, 32_767)? as u16,
            Name::TCP_KEEPIDLE => self.keep_idle_secs = within(number, 1, 32_767)? as u16,
            Name::TCP_KEEPINTVL => self.keep_interval_secs = within(number, 1, 32_767)? as u16,
            Name::TCP_KEEPCNT => self.keep_count = within(number, 1, 127)? as u8,
            Name::TCP_SYNCNT => self.syn_count = within(number, 1, 127)? as u8,
            Name::TCP_LINGER2 => self.linger2_secs = number.clamp(-1, LINGER2_SECS_MAX),
            Name::TCP_USER_TIMEOUT => self.user_timeout_ms = within(number, 0, i32::MAX)? as u32,
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }
}

fn within(number: i32, min: i32, max: i32) -> Result<i32, Errno> {
    if (min..=max).contains(&number) { Ok(number) } else { Err(Errno::EINVAL) }
}

/// A hop limit or another number of 8 bits; -1 is the default.
fn hops(number: i32, min: i32, default: u8) -> Result<u8, Errno> {
    if number == -1 { Ok(default) } else { Ok(within(number, min, 255)? as u8) }
}

/// The two low bits of the type of service (RFC 3168 §5).
const ECN: u8 = 0b11;
/// Linux `TCP_FIN_TIMEOUT_MAX`.
const LINGER2_SECS_MAX: i32 = 120;
/// Half of what Linux tells: it counts its own overhead too, and doubles what was asked for.
const RECV_BYTES_MIN: u32 = 1_152;
const SEND_BYTES_MIN: u32 = 2_304;
/// Linux `tcp_wmem` and `rmem_max`, to begin with.
const TCP_SEND_BYTES_MAX: u32 = 4 << 20;
const UDP_BYTES_MAX: u32 = 212_992;
