//! Does the simulated network do what a network does?

mod boot;
mod middlebox;
mod realism;
mod routing;
