//! Does the reader give back what was written, and say what is wrong with the rest?

use super::*;
use crate::capture::tests::{CLIENT, SERVER, about, faults};
use crate::capture::{Format, write_as};
use crate::frame::IpVersion;

fn written(format: Format, medium: Medium) -> Vec<u8> {
    let mut file = Vec::new();
    let trace = faults(medium, IpVersion::V4);
    write_as(format, &trace, SERVER, &about(), &mut file).expect("memory takes everything");
    file
}

/// A classic file of this link type with one frame of three bytes, big-endian.
fn classic(link: u32) -> Vec<u8> {
    let mut file = vec![0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    file.extend(link.to_be_bytes());
    for word in [7_u32, 5, 3, 9] {
        file.extend(word.to_be_bytes());
    }
    file.extend([1, 2, 3]);
    file
}

#[test]
fn our_own_files_come_back_in_both_formats() {
    for medium in [Medium::Ethernet, Medium::Ip] {
        let trace = faults(medium, IpVersion::V4);
        for format in Format::ALL {
            let frames = read(&written(format, medium)).expect("our own");
            // One is dropped, two are duplicated.
            assert_eq!(frames.len(), 8, "{format}");
            assert_eq!(frames[0].bytes, trace.frames[0].bytes);
            assert_eq!(frames[0].full_bytes as usize, trace.frames[0].bytes.len());
            assert!(frames.iter().all(|frame| frame.medium == medium));
            assert!(frames.is_sorted_by_key(|frame| frame.at));
        }
    }
    let mut file = Vec::new();
    write_as(Format::Pcapng, &faults(Medium::Ip, IpVersion::V6), CLIENT, &about(), &mut file).expect("memory");
    let comments: Vec<String> = read(&file).expect("our own").into_iter().flat_map(|frame| frame.comments).collect();
    assert_eq!(comments[0], "[sim] DROP link=ab n=1 why=scripted");
}

#[test]
fn a_classic_file_of_the_other_byte_order_is_read() {
    let frames = read(&classic(1)).expect("good");
    let wanted = Captured {
        at: Duration::new(7, 5_000),
        medium: Medium::Ethernet,
        bytes: vec![1, 2, 3],
        full_bytes: 9,
        comments: Vec::new(),
    };
    assert_eq!(frames, [wanted]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = read(b"GET / HTTP/1.1").expect_err("no capture");
    assert_eq!(error.to_string(), "byte 0: expected the first bytes of a pcapng or pcap file");
    let error = read(&classic(105)).expect_err("802.11");
    assert_eq!(error.to_string(), "byte 0: the link type is 105; expected 1 (Ethernet), 101, 228 or 229 (IP)");
    let mut cut = classic(1);
    cut.pop();
    assert_eq!(read(&cut).expect_err("cut off").at, 24);
    let mut huge = classic(1);
    huge[24 + 8..][..8].copy_from_slice(&[0x7f; 8]);
    assert_eq!(read(&huge).expect_err("a length of 2 GiB").at, 24);
}

#[test]
fn every_file_that_is_cut_off_is_refused_or_ends_early() {
    for format in Format::ALL {
        let file = written(format, Medium::Ethernet);
        let all = read(&file).expect("our own");
        for len in 0..file.len() {
            match read(&file[..len]) {
                Ok(frames) => assert_eq!(frames, all[..frames.len()], "{format} cut after {len} bytes"),
                Err(error) => assert!(error.at <= len, "{error}"),
            }
        }
    }
}
