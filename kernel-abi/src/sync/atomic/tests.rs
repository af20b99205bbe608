// SPDX-License-Identifier: GPL-2.0 OR MIT
extern crate std;

use super::*;
use std::thread;

macro_rules! arithmetic {
    ($($name:ident: $type:ty;)*) => {
        $(
            #[test]
            fn $name() {
                let value = Atomic::<$type>::new(<$type>::MAX);
                assert_eq!(value.fetch_add(2, Full), <$type>::MAX);
                assert_eq!(value.load(Acquire), <$type>::MIN + 1);
                value.add(1, Relaxed);
                assert_eq!(value.fetch_sub(3, Acquire), <$type>::MIN + 2);
                assert_eq!(value.load(Relaxed), <$type>::MAX);
                assert_eq!(value.cmpxchg(1, 2, Release), Err(<$type>::MAX));
                assert_eq!(value.cmpxchg(<$type>::MAX, 2, Full), Ok(<$type>::MAX));
                value.store(5, Release);
                assert_eq!((value.xchg(6, Release), value.load(Relaxed)), (5, 6));
            }
        )*
    };
}

arithmetic! {
    i32_wraps: i32;
    u32_wraps: u32;
    i64_wraps: i64;
    u64_wraps: u64;
    isize_wraps: isize;
    usize_wraps: usize;
}

#[test]
fn small_types_keep_to_their_bytes() {
    #[repr(C)]
    struct Row(
        Atomic<u8>,
        Atomic<bool>,
        Atomic<i8>,
        Atomic<u16>,
        Atomic<i16>,
    );
    let row = Row(
        Atomic::new(1),
        Atomic::new(false),
        Atomic::new(-1),
        Atomic::new(0xffff),
        Atomic::new(-7),
    );
    row.0.store(0xff, Relaxed);
    assert!(!row.1.xchg(true, Full));
    assert_eq!(row.2.cmpxchg(-1, 5, Acquire), Ok(-1));
    assert_eq!(
        (
            row.0.load(Relaxed),
            row.1.load(Relaxed),
            row.2.load(Acquire)
        ),
        (0xff, true, 5)
    );
    assert_eq!((row.3.load(Relaxed), row.4.xchg(1, Relaxed)), (0xffff, -7));
    assert_eq!(size_of::<Row>(), 8);
}

#[test]
fn threads_add_together() {
    let total = Atomic::new(0u64);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    total.add(1, Relaxed);
                }
            });
        }
    });
    assert_eq!(total.load(Relaxed), 40_000);
}
