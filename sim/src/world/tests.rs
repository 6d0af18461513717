//! Does the simulated network do what a network does?

mod middlebox;
mod realism;
