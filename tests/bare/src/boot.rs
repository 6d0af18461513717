//! How does the processor find its first instruction, and how large is the image?

use crate::semihosting::{End, exit, print, print_number};

/// What a Cortex-M3 reads at address 0 (ARM DDI 0403E.e §B1.5.3): the stack pointer, then where to go on each event.
#[repr(C)]
struct Vectors {
    stack_top: *const u8,
    reset: extern "C" fn() -> !,
    faults: [extern "C" fn() -> !; 5],
}

// SAFETY: only the processor reads it, and nobody writes it.
unsafe impl Sync for Vectors {}

// The names come from the memory map `mps2-an385.ld`; only their addresses are used.
unsafe extern "C" {
    static stack_top: u8;
    static text_start: u8;
    static text_end: u8;
    static rodata_start: u8;
    static rodata_end: u8;
    static data_start: u8;
    static data_end: u8;
}

// SAFETY: the memory map puts this section, and nothing else, at address 0.
#[unsafe(link_section = ".vectors")]
#[used]
static VECTORS: Vectors = Vectors { stack_top: &raw const stack_top, reset, faults: [fault; 5] };

// SAFETY: the only `reset` of the image; the memory map names it as the entry.
#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    match crate::run() {
        Ok(()) => {
            print_size("text", &raw const text_start, &raw const text_end);
            print_size("rodata", &raw const rodata_start, &raw const rodata_end);
            print_size("data and bss", &raw const data_start, &raw const data_end);
            print("PASS\n");
            exit(End::Pass)
        }
        Err(what) => {
            print("FAIL: ");
            print(what);
            print("\n");
            exit(End::Fail)
        }
    }
}

extern "C" fn fault() -> ! {
    print("FAIL: the processor took a fault\n");
    exit(End::Fail)
}

fn print_size(section: &str, start: *const u8, end: *const u8) {
    print(section);
    print(" ");
    print_number(end as usize - start as usize);
    print(" bytes\n");
}
