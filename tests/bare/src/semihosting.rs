//! How does the image speak to the machine that emulates it?
//!
//! Semihosting for A-profile and M-profile, ARM DUI 0471: operation in r0, argument in r1, `bkpt 0xab`.
//! This is the one place with `unsafe` in the image: an instruction that asks the debugger cannot be written without.

use core::arch::asm;

const SYS_WRITE0: usize = 0x04;
const SYS_EXIT: usize = 0x18;
const APPLICATION_EXIT: usize = 0x2_0026;
const RUN_TIME_ERROR: usize = 0x2_0023;

/// How the run ended; QEMU's exit code is 0 or 1.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// All checks passed.
    Pass,
    /// One did not.
    Fail,
}

/// Prints text, a piece at a time.
pub fn print(text: &str) {
    for piece in text.as_bytes().chunks(63) {
        let mut terminated = [0; 64];
        terminated[..piece.len()].copy_from_slice(piece);
        call(SYS_WRITE0, terminated.as_ptr() as usize);
    }
}

/// Prints a decimal number, without `core::fmt`, whose size would hide that of the sockets.
pub fn print_number(number: usize) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    print(core::str::from_utf8(&digits[first..]).unwrap_or("?"));
}

/// Ends the emulator.
pub fn exit(end: End) -> ! {
    let reason = match end {
        End::Pass => APPLICATION_EXIT,
        End::Fail => RUN_TIME_ERROR,
    };
    call(SYS_EXIT, reason);
    loop {
        core::hint::spin_loop();
    }
}

fn call(operation: usize, argument: usize) {
    // SAFETY: the debugger reads at most the NUL-terminated text at `argument`, which outlives the call,
    // and writes nothing but the result register.
    unsafe {
        asm!("bkpt 0xab", inout("r0") operation => _, in("r1") argument, options(nostack));
    }
}
