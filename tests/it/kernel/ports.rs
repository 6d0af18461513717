//! Do the two forms of a ported program talk to each other, one on the kernel, one on our stack?

use std::thread;

use crate::blocking::ports::{chat, chat_smolsock, chat_std, echo_smolsock, echo_std, installed};

use super::agree;
use super::host::{Host, Listener};

#[test]
fn one_form_of_the_echo_server_serves_128_clients_of_the_other() {
    agree("the ported echo server, 128 clients", |ends| {
        let listener = ends.server.listen(ends.server_at(7)).expect("a free port");
        let address = ends.server_at(7).to_string();
        let _net = installed(ends.net().clone());
        thread::scope(|scope| {
            let server = scope.spawn(|| match &listener {
                Listener::Kernel(listener) => echo_std::serve(listener, 128),
                Listener::Ours(listener) => echo_smolsock::serve(listener, 128),
            });
            let loaded = match &ends.client {
                Host::Kernel => echo_std::load(&address, 128),
                Host::Ours(_) => echo_smolsock::load(&address, 128),
            };
            loaded.expect("every client hears its lines");
            server.join().expect("no panic").expect("no error");
        });
    });
}

#[test]
fn one_form_of_the_chat_carries_what_guests_of_the_other_say() {
    agree("the ported chat", |ends| {
        let listener = ends.server.listen(ends.server_at(6667)).expect("a free port");
        let address = ends.server_at(6667).to_string();
        let _net = installed(ends.net().clone());
        let serve = || match &listener {
            Listener::Kernel(listener) => chat_std::serve(listener, 2),
            Listener::Ours(listener) => chat_smolsock::serve(listener, 2),
        };
        match &ends.client {
            Host::Kernel => chat(serve, |name, input, output| chat_std::join(&address, name, input, output)),
            Host::Ours(_) => chat(serve, |name, input, output| chat_smolsock::join(&address, name, input, output)),
        }
    });
}
