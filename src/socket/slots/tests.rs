//! Do ids, places and lines keep what they promise?

use super::*;

fn slots(max: usize) -> Slots<'static> {
    Slots::new(ManagedSlice::Owned(alloc::vec::Vec::new()), max)
}

fn take(slots: &mut Slots<'static>) -> u32 {
    let index = slots.take(Domain::Inet).expect("room");
    slots.get_mut(index).body = Body::Listener(Listener::new(1));
    slots.adopt(index);
    index
}

fn id(slots: &Slots<'_>, index: u32) -> SocketId {
    SocketId { index, generation: slots.get(index).generation }
}

#[test]
fn each_id_of_a_slot_goes_stale_by_itself() {
    let mut slots = slots(3);
    let index = take(&mut slots);
    let first = id(&slots, index);
    let second = slots.duplicate(index).expect("room");
    let third = slots.duplicate(index).expect("room");
    assert_eq!(slots.duplicate(index), None, "an id takes a place");
    assert_eq!([first, second, third].map(|id| slots.find(id)), [Ok(index); 3]);
    assert_eq!(slots.iter().count(), 1, "one socket");
    assert_eq!(slots.disown(first), Ok((index, false)));
    assert_eq!(slots.disown(first), Err(Errno::EBADF));
    assert_eq!(slots.disown(third), Ok((index, false)));
    let again = slots.duplicate(index).expect("the third's place");
    assert_eq!((again.index, slots.find(third)), (third.index, Err(Errno::EBADF)));
    assert_eq!(slots.disown(again), Ok((index, false)));
    assert!(slots.get(index).owned);
    assert_eq!(slots.disown(second), Ok((index, true)));
    assert!(!slots.get(index).owned);
    slots.retire(index);
    assert_eq!((slots.open(), slots.find(first)), (0, Err(Errno::EBADF)));
}

#[test]
fn a_freed_id_never_names_a_new_socket() {
    let mut slots = slots(1);
    let first = take(&mut slots);
    let stale = id(&slots, first);
    slots.retire(first);
    assert_eq!(slots.find(stale), Err(Errno::EBADF));
    let second = take(&mut slots);
    assert_eq!(second, first, "the place is used again");
    assert_eq!(slots.find(stale), Err(Errno::EBADF));
    assert_eq!(slots.find(id(&slots, second)), Ok(second));
}

#[test]
fn a_full_table_gives_none_and_recovers() {
    let mut slots = slots(2);
    let first = take(&mut slots);
    take(&mut slots);
    assert_eq!(slots.take(Domain::Inet), None);
    slots.retire(first);
    assert!(slots.take(Domain::Inet).is_some());
}

#[test]
fn a_line_is_first_in_first_out() {
    let mut slots = slots(4);
    let mut line = Line::new(Queue::Due);
    let all: [u32; 3] = core::array::from_fn(|_| take(&mut slots));
    for index in all {
        line.push(&mut slots, index);
    }
    assert_eq!(all.map(|_| line.pop(&mut slots)), all.map(Some));
    assert_eq!(line.pop(&mut slots), None);
}

#[test]
fn a_line_goes_on_with_those_of_another() {
    let mut slots = slots(4);
    let (mut line, mut other) = (Line::new(Queue::Due), Line::new(Queue::Due));
    let all: [u32; 4] = core::array::from_fn(|_| take(&mut slots));
    line.append(&mut other, &mut slots);
    assert!(line.is_empty());
    other.push(&mut slots, all[0]);
    line.append(&mut other, &mut slots);
    other.push(&mut slots, all[1]);
    other.push(&mut slots, all[2]);
    line.append(&mut other, &mut slots);
    line.push(&mut slots, all[3]);
    assert_eq!((line.len(), other.len()), (4, 0));
    assert_eq!(all.map(|_| line.pop(&mut slots)), all.map(Some));
}

#[test]
fn a_slot_retired_while_it_queues_is_free_only_after_its_turn() {
    let mut slots = slots(1);
    let mut line = Line::new(Queue::Due);
    let index = take(&mut slots);
    line.push(&mut slots, index);
    slots.retire(index);
    assert_eq!(slots.take(Domain::Inet), None, "still linked");
    assert_eq!(line.pop(&mut slots), Some(index));
    slots.retire(index);
    assert_eq!(slots.take(Domain::Inet), Some(index));
}
