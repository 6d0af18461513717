//! Which multicast groups has the host joined, and for whom?

use super::Stack;
use crate::errno::Errno;
use crate::socket::sockopt::Membership;

impl Stack<'_> {
    /// Makes a socket a member (`IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`).
    pub(crate) fn join_group(&mut self, _index: u32, membership: Membership) -> Result<(), Errno> {
        check(membership)?;
        // Nothing is kept yet.
        Err(Errno::ENOPROTOOPT)
    }

    /// Ends a membership (`IP_DROP_MEMBERSHIP`, `IPV6_LEAVE_GROUP`).
    pub(crate) fn leave_group(&mut self, _index: u32, membership: Membership) -> Result<(), Errno> {
        check(membership)?;
        // Nobody is a member yet.
        Err(Errno::EADDRNOTAVAIL)
    }
}

/// Linux: EINVAL for what is no group, ENODEV for an interface that is not there.
fn check(membership: Membership) -> Result<(), Errno> {
    if !membership.group.is_multicast() {
        return Err(Errno::EINVAL);
    }
    if membership.interface > INTERFACE {
        return Err(Errno::ENODEV);
    }
    Ok(())
}

/// Index of the one interface of a stack.
pub(crate) const INTERFACE: u32 = 1;
