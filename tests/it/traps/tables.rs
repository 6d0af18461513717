//! Does a full table or an old name end in an error, or in a panic?

use super::host::Setup;
use super::{trap, trap_on};

/// B23. A `SocketSet` over fixed storage panics when it is full.
#[test]
fn a_full_socket_table_is_an_error() {
    let setup = Setup { sockets_max: Some(4), ..Setup::default() };
    trap_on(setup, "adding a socket to a full SocketSet", |net| {
        for _ in 0..4 {
            net.host().socket().expect("room for four");
        }
        assert_eq!(net.host().socket(), Err("EMFILE".to_string()));
    });
}

/// B23. A handle whose socket is gone panics.
#[test]
fn a_closed_socket_is_ebadf() {
    trap("handle does not refer to a valid socket", |net| {
        let socket = net.host().socket().expect("room for one");
        net.host().close(socket);
        assert_eq!(net.host().recv(socket, &mut [0; 16]), Err("EBADF".to_string()));
    });
}

/// B23. smoltcp gives a handle away again: an old one then names a stranger's socket, and can read it.
#[test]
fn an_old_name_never_means_a_new_socket() {
    trap("the old name is answered Err(\"InvalidState\")", |net| {
        let old = net.host().socket().expect("room for one");
        net.host().close(old);
        net.host().socket().expect("room for one");
        let recv = net.host().recv(old, &mut [0; 16]);
        assert_eq!(recv, Err("EBADF".to_string()), "the old name is answered {recv:?}");
    });
}
