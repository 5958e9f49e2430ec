//! Any bytes in the folder open, can be read to their end, and leave a spool that is as good as new.
#![no_main]

use alces_spool::{Options, Spool, fake::FakeDisk};

libfuzzer_sys::fuzz_target!(|input: (u8, u8, &[u8])| {
    let (cut, first, bytes) = input;
    let disk = FakeDisk::default();
    // The bytes become a position and two segments, the second with any number.
    let (position, rest) = bytes.split_at(bytes.len().min(20) * usize::from(cut & 1));
    let (one, two) = rest.split_at(rest.len() * usize::from(cut >> 1) / 128);
    if !position.is_empty() {
        disk.put("position", position);
    }
    disk.put("00000000000000000001.spool", one);
    disk.put(&format!("{:020}.spool", u64::from(first) << (first & 31)), two);
    let mut spool = Spool::open(disk.clone(), Options::new(1 << 20)).expect("bytes are no error");
    let mut last = spool.done();
    while let Some(record) = spool.read().expect("the disk is sound") {
        assert!(record.number > last);
        last = record.number;
    }
    let stats = spool.stats();
    assert_eq!(stats.found, stats.lost + stats.pending);
    spool.ack(last);
    spool.save().expect("the disk is sound");
    assert_eq!(spool.stats().pending, 0);
    let number = spool.append(b"good as new").expect("there is room");
    spool.sync().expect("the disk is sound");
    assert_eq!(spool.read().expect("the disk is sound").map(|record| record.number), Some(number));
    drop(spool);
    let mut spool = Spool::open(disk, Options::new(1 << 20)).expect("bytes are no error");
    assert_eq!(spool.read().expect("the disk is sound").map(|record| record.bytes), Some(b"good as new".to_vec()));
});
