//! How do values look in the calls, and as bytes?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Congestion;
use super::sockopt::sealed::Sealed;
use super::sockopt::{Membership, OptionValue, Shape};
use crate::bytes::copy;
use crate::errno::Errno;
use crate::socket::tcp::info::{INFO_LEN, TcpInfo};
use crate::socket::{Domain, Type};
use crate::time::Duration;

/// The value of any option.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    Flag(bool),
    Number(i32),
    Span(Option<Duration>),
    Member(Membership),
    Control(Congestion),
    Error(Option<Errno>),
    Kind(Type),
    Family(Domain),
    Info(TcpInfo),
}

macro_rules! values {
    ($($kind:ty = $variant:ident;)+) => {
        $(
            impl Sealed for $kind {
                fn into_value(self) -> Value {
                    Value::$variant(self)
                }

                fn from_value(value: Value) -> Option<Self> {
                    if let Value::$variant(value) = value { Some(value) } else { None }
                }
            }

            impl OptionValue for $kind {}
        )+
    };
}

values! {
    bool = Flag;
    i32 = Number;
    Option<Duration> = Span;
    Membership = Member;
    Congestion = Control;
    Option<Errno> = Error;
    Type = Kind;
    Domain = Family;
    TcpInfo = Info;
}

/// A value out of bytes, as Linux (x86-64) lays them out. `is_ip`: that level also takes an `int` of one byte.
/// The address of an `ip_mreq` comes along, if it names an interface.
pub(crate) fn read(shape: Shape, is_ip: bool, bytes: &[u8]) -> Result<(Value, Option<Ipv4Addr>), Errno> {
    let value = match shape {
        Shape::Flag => Value::Flag(read_int(is_ip, bytes)? != 0),
        Shape::Number => Value::Number(read_int(is_ip, bytes)?),
        Shape::Linger => Value::Span(read_linger(bytes)?),
        Shape::Time => Value::Span(read_time(bytes)?),
        Shape::Membership4 => return read_membership4(bytes),
        Shape::Membership6 => Value::Member(read_membership6(bytes)?),
        Shape::Congestion => Value::Control(read_congestion(bytes)?),
        // Nobody can set it.
        Shape::Info => return Err(Errno::ENOPROTOOPT),
    };
    Ok((value, None))
}

/// A value into bytes: as many as fit. Returns how many.
pub(crate) fn write(value: Value, shape: Shape, is_ip: bool, buffer: &mut [u8]) -> usize {
    let number = match value {
        Value::Flag(on) => i32::from(on),
        Value::Number(number) => number,
        Value::Error(error) => error.map_or(0, Errno::number),
        Value::Kind(Type::Stream) => 1,
        Value::Kind(Type::Datagram | Type::Icmp) => 2,
        Value::Kind(Type::Raw(_)) => 3,
        Value::Family(Domain::Inet) => 2,
        Value::Family(Domain::Inet6) => 10,
        Value::Span(span) if shape == Shape::Linger => {
            let secs = span.map_or(0, |span| i32::try_from(span.as_secs()).unwrap_or(i32::MAX));
            return copy(&join(i32::from(span.is_some()).to_le_bytes(), secs.to_le_bytes()), buffer);
        }
        Value::Span(span) => {
            let span = span.unwrap_or_default();
            let secs = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&secs.to_le_bytes());
            bytes[8..].copy_from_slice(&i64::from(span.subsec_micros()).to_le_bytes());
            return copy(&bytes, buffer);
        }
        Value::Control(control) => {
            let mut bytes = [0; CONGESTION_NAME_LEN];
            copy(control.name().as_bytes(), &mut bytes);
            return copy(&bytes, buffer);
        }
        Value::Info(info) => {
            let mut bytes = [0; INFO_LEN];
            info.write(&mut bytes);
            return copy(&bytes, buffer);
        }
        // Nobody can get it.
        Value::Member(_) => return 0,
    };
    // Linux: options of IP shrink to a byte where no more is asked for.
    if is_ip && (1..4).contains(&buffer.len()) && (0..=255).contains(&number) {
        return copy(&[number as u8], buffer);
    }
    copy(&number.to_le_bytes(), buffer)
}

fn join(a: [u8; 4], b: [u8; 4]) -> [u8; 8] {
    let mut both = [0; 8];
    both[..4].copy_from_slice(&a);
    both[4..].copy_from_slice(&b);
    both
}

/// The first `N` bytes at `at`.
fn take<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Errno> {
    bytes.get(at..).and_then(|rest| rest.first_chunk().copied()).ok_or(Errno::EINVAL)
}

fn read_int(is_ip: bool, bytes: &[u8]) -> Result<i32, Errno> {
    match bytes {
        [byte] | [byte, _] | [byte, _, _] if is_ip => Ok(i32::from(*byte)),
        _ => Ok(i32::from_le_bytes(take(bytes, 0)?)),
    }
}

fn read_linger(bytes: &[u8]) -> Result<Option<Duration>, Errno> {
    let (on, secs) = (i32::from_le_bytes(take(bytes, 0)?), u32::from_le_bytes(take(bytes, 4)?));
    Ok((on != 0).then(|| Duration::from_secs(u64::from(secs))))
}

fn read_time(bytes: &[u8]) -> Result<Option<Duration>, Errno> {
    let (secs, micros) = (i64::from_le_bytes(take(bytes, 0)?), i64::from_le_bytes(take(bytes, 8)?));
    let micros = u32::try_from(micros).ok().filter(|micros| *micros < 1_000_000).ok_or(Errno::EDOM)?;
    match u64::try_from(secs) {
        Ok(0) if micros == 0 => Ok(None),
        Ok(secs) => Ok(Some(Duration::new(secs, micros.saturating_mul(1_000)))),
        // Linux: a time before now is over already.
        Err(_) => Ok(Some(Duration::ZERO)),
    }
}

fn read_membership4(bytes: &[u8]) -> Result<(Value, Option<Ipv4Addr>), Errno> {
    let (group, local) = (Ipv4Addr::from(take::<4>(bytes, 0)?), Ipv4Addr::from(take::<4>(bytes, 4)?));
    let index = if bytes.len() >= 12 { i32::from_le_bytes(take(bytes, 8)?) } else { 0 };
    let membership = Membership { group: IpAddr::V4(group), interface: index as u32 };
    Ok((Value::Member(membership), (index == 0 && !local.is_unspecified()).then_some(local)))
}

fn read_membership6(bytes: &[u8]) -> Result<Membership, Errno> {
    let group = Ipv6Addr::from(take::<16>(bytes, 0)?);
    Ok(Membership { group: IpAddr::V6(group), interface: u32::from_le_bytes(take(bytes, 16)?) })
}

fn read_congestion(bytes: &[u8]) -> Result<Congestion, Errno> {
    if bytes.is_empty() {
        return Err(Errno::EINVAL);
    }
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = name.get(..CONGESTION_NAME_LEN - 1).unwrap_or(name);
    let all = [Congestion::None, Congestion::Reno, Congestion::Cubic];
    all.into_iter().find(|control| control.name().as_bytes() == name).ok_or(Errno::ENOENT)
}

/// `TCP_CA_NAME_MAX`.
const CONGESTION_NAME_LEN: usize = 16;
