//! Does the simulated network do what a network does?

mod boot;
mod dozens;
mod middlebox;
mod realism;
mod routing;
