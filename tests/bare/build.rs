//! Where does the linker find the memory map?

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    println!("cargo::rustc-link-arg-bins=-T{folder}/mps2-an385.ld");
    println!("cargo::rerun-if-changed=mps2-an385.ld");
}
