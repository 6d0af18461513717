//! Which calls are worth making in a state?

use std::net::{Ipv4Addr, SocketAddr};

use proptest::prelude::*;
use proptest::sample::select;
use smolsock::{Shutdown, Type};

use super::model::{Kind, Model};
use super::{Call, Flag, PORTS, Step, own, wildcard};

/// What has happened before a run: nothing; a connection; a connection of a host with itself; two UDP sockets.
pub fn preludes() -> Vec<Vec<Step>> {
    let on = |host| move |call| Step { host, call };
    let (a, b) = (on(0), on(1));
    let connection = |client: &dyn Fn(Call) -> Step, fd: usize| {
        let mut steps = vec![b(Call::Socket(Type::Stream)), b(Call::Bind(0, wildcard(80))), b(Call::Listen(0, 1))];
        steps.extend([client(Call::Socket(Type::Stream)), client(Call::Connect(fd, own(1, 80)))]);
        steps.extend([client(Call::Connect(fd, own(1, 80))), b(Call::Accept(0))]);
        steps
    };
    let udp = vec![
        a(Call::Socket(Type::Datagram)),
        b(Call::Socket(Type::Datagram)),
        b(Call::Bind(0, wildcard(80))),
        a(Call::Connect(0, own(1, 80))),
    ];
    vec![Vec::new(), connection(&a, 0), connection(&a, 0), connection(&b, 1), udp]
}

/// A call on either host: mostly what makes sense, now and then anything.
pub fn any_step(model: &Model) -> BoxedStrategy<Step> {
    let hosts = [0, 1].map(|host| on_host(model, host).prop_map(move |call| Step { host, call }).boxed());
    // Who has nothing open has little to say.
    let weights = [0, 1].map(|host| if model.open(host).is_empty() { 1 } else { 4 });
    let [a, b] = hosts;
    prop_oneof![weights[0] => a, weights[1] => b].boxed()
}

fn on_host(model: &Model, host: usize) -> BoxedStrategy<Call> {
    let opens = prop_oneof![3 => Just(Type::Stream), 1 => Just(Type::Datagram)].prop_map(Call::Socket).boxed();
    let open = model.open(host);
    let numbers = model.fds[host].len();
    if numbers == 0 {
        return opens;
    }
    let mut choices = vec![(if open.len() < 4 { 8 } else { 2 }, opens), (1, Just(Call::Rest).boxed())];
    choices.push((2, (0..numbers).prop_flat_map(move |fd| any_call(host, fd)).boxed()));
    for (fd, kind) in open {
        choices.push((3, any_call(host, fd).boxed()));
        let weight = if kind == Kind::Stream { 16 } else { 8 };
        choices.push((weight, fitting_call(model, host, fd, kind)));
    }
    prop::strategy::Union::new_weighted(choices).boxed()
}

/// A call that is likely to do something in this state.
fn fitting_call(model: &Model, host: usize, fd: usize, kind: Kind) -> BoxedStrategy<Call> {
    let connect = |targets: Vec<SocketAddr>| {
        let remote = if targets.is_empty() { any_remote().boxed() } else { select(targets).boxed() };
        remote.prop_map(move |remote| Call::Connect(fd, remote))
    };
    match kind {
        Kind::Fresh => prop_oneof![
            2 => any_local(host).prop_map(move |local| Call::Bind(fd, local)),
            3 => (0..3_usize).prop_map(move |backlog| Call::Listen(fd, backlog)),
            6 => connect(model.targets(host, true)),
            1 => any_remote().prop_map(move |remote| Call::Connect(fd, remote)),
        ]
        .boxed(),
        Kind::Listener => prop_oneof![12 => Just(Call::Accept(fd)), 1 => Just(Call::Close(fd))].boxed(),
        Kind::Connecting => {
            prop_oneof![2 => any_remote().prop_map(move |remote| Call::Connect(fd, remote)), 1 => Just(Call::Close(fd))]
                .boxed()
        }
        Kind::Stream => prop_oneof![
            10 => (1..1_200_usize).prop_map(move |len| Call::Send(fd, len)),
            10 => (1..1_200_usize).prop_map(move |len| Call::Recv(fd, len)),
            1 => any_how().prop_map(move |how| Call::Shutdown(fd, how)),
            1 => Just(Call::Close(fd)),
        ]
        .boxed(),
        Kind::Datagram => prop_oneof![
            2 => any_local(host).prop_map(move |local| Call::Bind(fd, local)),
            2 => connect(model.targets(host, false)),
            6 => (0..1_000_usize).prop_map(move |len| Call::Send(fd, len)),
            3 => (0..1_000_usize, any_remote()).prop_map(move |(len, remote)| Call::SendTo(fd, len, remote)),
            5 => (0..1_200_usize).prop_map(move |len| Call::RecvFrom(fd, len)),
        ]
        .boxed(),
    }
}

/// Any call on a descriptor, sensible or not.
pub fn any_call(host: usize, fd: usize) -> impl Strategy<Value = Call> {
    let len = || prop_oneof![1 => Just(0_usize), 4 => 1..12_usize, 4 => 1..1_200_usize];
    let sent_len = prop_oneof![20 => len(), 1 => Just(70_000)];
    let flag = || select(vec![Flag::ReuseAddress, Flag::ReuseAddress, Flag::KeepAlive, Flag::NoDelay]);
    let ttl = prop_oneof![1..256_i32, Just(0), Just(-1), Just(256)];
    prop_oneof![
        5 => any_local(host).prop_map(move |local| Call::Bind(fd, local)),
        5 => (0..3_usize).prop_map(move |backlog| Call::Listen(fd, backlog)),
        4 => Just(Call::Accept(fd)),
        6 => any_remote().prop_map(move |remote| Call::Connect(fd, remote)),
        6 => sent_len.prop_map(move |len| Call::Send(fd, len)),
        2 => (len(), any_remote()).prop_map(move |(len, remote)| Call::SendTo(fd, len, remote)),
        6 => len().prop_map(move |len| Call::Recv(fd, len)),
        3 => len().prop_map(move |len| Call::Peek(fd, len)),
        3 => len().prop_map(move |len| Call::RecvFrom(fd, len)),
        4 => any_how().prop_map(move |how| Call::Shutdown(fd, how)),
        5 => Just(Call::Close(fd)),
        2 => Just(Call::Dup(fd)),
        4 => (flag(), any::<bool>()).prop_map(move |(flag, on)| Call::SetFlag(fd, flag, on)),
        2 => flag().prop_map(move |flag| Call::GetFlag(fd, flag)),
        1 => ttl.prop_map(move |ttl| Call::SetTtl(fd, ttl)),
        1 => Just(Call::GetTtl(fd)),
        2 => any::<bool>().prop_map(move |on| Call::SetAbortive(fd, on)),
        2 => Just(Call::TakeError(fd)),
    ]
}

fn any_how() -> impl Strategy<Value = Shutdown> {
    select(vec![Shutdown::Read, Shutdown::Write, Shutdown::Both])
}

fn any_local(host: usize) -> impl Strategy<Value = SocketAddr> {
    let port = prop_oneof![1 => Just(0), 9 => select(PORTS.to_vec())];
    let ips = vec![wildcard(0), wildcard(0), own(host, 0), (Ipv4Addr::LOCALHOST, 0).into(), own(1 - host, 0)];
    (select(ips), port).prop_map(|(addr, port)| (addr.ip(), port).into())
}

fn any_remote() -> impl Strategy<Value = SocketAddr> {
    let addrs = vec![own(0, 0), own(1, 0), own(1, 0), (Ipv4Addr::LOCALHOST, 0).into()];
    let known = (select(addrs), select(PORTS.to_vec()));
    prop_oneof![
        20 => known.prop_map(|(addr, port)| (addr.ip(), port).into()),
        1 => Just((Ipv4Addr::new(198, 51, 100, 1), 80).into()),
        1 => select(PORTS.to_vec()).prop_map(wildcard),
    ]
}
