// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Channels as a driver has them: made through GSP-RM, fed through a ring, with page tables
//! that it wrote through BAR1. All numbers are written out.

mod mini;

use std::time::{Duration, Instant};

use mini::{u32_at, ChannelMemory, Driver, DEVICE};
use nova_model::{Model, ModelBar};
use nova_pci::{Bar, BarIndex, Pci};

/// VRAM: tables, instance blocks and what is copied, in pages.
const TABLES: [u64; 5] = [0x100_0000, 0x100_1000, 0x100_2000, 0x100_3000, 0x100_4000];
const INSTANCE: u64 = 0x101_0000;
const USERD: u64 = 0x102_0000;
const NOTIFIER: u64 = 0x103_0000;
const DATA: u64 = 0x110_0000;
/// Virtual: the pages of one page table.
const VA: u64 = 0x12_3440_0000;
const RING: u64 = VA;
const PUSH: u64 = VA + 0x1000;
const SOURCE: u64 = VA + 0x10000;
const DESTINATION: u64 = VA + 0x20000;
const SEMAPHORE: u64 = VA + 0x30000;
const CHANNEL: u32 = 0xf1f0_0001;

/// A booted card with a channel.
struct Work {
    driver: Driver,
    bar1: ModelBar,
    /// Ring and push buffer, in the driver's memory.
    memory: u64,
    token: u32,
    put: u32,
    pushed: u32,
}

impl Work {
    fn new(model: Model) -> Self {
        let bar1 = model.bar(BarIndex::Bar1).unwrap();
        let mut driver = Driver::new(model);
        driver.boot().unwrap();
        // BAR1 shows VRAM as it is.
        driver.write(0x1704, 0);
        let memory = driver.alloc(0x4000);
        let method_buffer = driver.alloc(0x1_0000);
        let mut work = Self {
            driver,
            bar1,
            memory,
            token: 0,
            put: 0,
            pushed: 0,
        };
        work.write_tables();
        work.driver.rm_objects(TABLES[0]).unwrap();
        let parts = ChannelMemory {
            instance: INSTANCE,
            userd: USERD,
            notifier: NOTIFIER,
            method_buffer: work.driver.bus(method_buffer),
            ring: RING,
            entries: 32,
        };
        work.token = work.driver.rm_channel(CHANNEL, parts).unwrap();
        work
    }

    fn vram64(&self, at: u64, value: u64) {
        self.bar1.write(at, &value.to_le_bytes()).unwrap();
    }

    fn vram32(&self, at: u64) -> u32 {
        self.bar1.read32(at).unwrap()
    }

    /// Directories, and a table: ring and push buffer in system memory, the rest in VRAM, the
    /// destination for reading only from its second page on.
    fn write_tables(&self) {
        let pde = |table: u64| table >> 4 | 1 << 1;
        self.vram64(TABLES[0] + 8 * (VA >> 47), pde(TABLES[1]));
        self.vram64(TABLES[1] + 8 * (VA >> 38 & 511), pde(TABLES[2]));
        self.vram64(TABLES[2] + 8 * (VA >> 29 & 511), pde(TABLES[3]));
        self.vram64(TABLES[3] + 16 * (VA >> 21 & 255) + 8, pde(TABLES[4]));
        let entry = |page: u64| TABLES[4] + 8 * ((VA >> 12 & 511) + page);
        for page in 0..4 {
            let bus = self.driver.bus(self.memory + 4096 * page);
            self.vram64(entry(page), bus >> 4 | 2 << 1 | 1);
        }
        for page in 0x10..0x31 {
            let read_only = u64::from((0x21..0x30).contains(&page));
            let vram = DATA + 4096 * page;
            self.vram64(entry(page), vram >> 4 | read_only << 6 | 1);
        }
    }

    /// Has the channel run methods.
    fn submit(&mut self, words: &[u32]) {
        let memory = &self.driver.memory;
        for (index, word) in (0..).zip(words) {
            let at = self.memory + 0x1000 + 4 * (u64::from(self.pushed) + index);
            memory.store32(at, *word).unwrap();
        }
        let push = PUSH + 4 * u64::from(self.pushed);
        let entry = push | (words.len() as u64) << 42;
        memory
            .store64(self.memory + 8 * u64::from(self.put), entry)
            .unwrap();
        self.pushed += words.len() as u32;
        self.put = (self.put + 1) % 32;
        self.bar1.write32(USERD + 0x8c, self.put).unwrap();
        self.driver.write(0xbb_0090, self.token);
    }

    fn wait(&self, payload: u32) {
        let limit = Instant::now() + Duration::from_secs(30);
        let at = DATA + (SEMAPHORE - VA);
        while self.vram32(at) != payload {
            assert!(Instant::now() < limit, "no {payload}");
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// Methods in a row of the object of a subchannel.
fn methods(subchannel: u32, first: u32, values: &[u32]) -> Vec<u32> {
    let header = 1 << 29 | (values.len() as u32) << 16 | subchannel << 13 | first >> 2;
    [&[header], values].concat()
}

/// A copy of `len` bytes, and a semaphore after it, with a notification.
fn copy(len: u32, payload: u32) -> Vec<u32> {
    let (from, to) = (SOURCE, DESTINATION);
    let mut words = methods(4, 0, &[0xc7b5]);
    let high = |va: u64| (va >> 32) as u32;
    let values = [
        high(from),
        from as u32,
        high(to),
        to as u32,
        len,
        len,
        len,
        1,
    ];
    words.extend(methods(4, 0x400, &values));
    words.extend(methods(4, 0x300, &[0x182]));
    let values = [SEMAPHORE as u32, high(SEMAPHORE), payload, 0, 1 | 1 << 20];
    words.extend(methods(0, 0x5c, &values));
    words.extend(methods(0, 0x20, &[0]));
    words
}

#[test]
fn a_channel_of_rm_copies_and_tells() {
    for seed in [None, Some(3), Some(4)] {
        let builder = Model::builder();
        let builder = match seed {
            None => builder,
            Some(seed) => builder
                .seed(seed)
                .delayed_writes(Duration::from_micros(200))
                .delayed_channels(Duration::from_micros(200)),
        };
        let mut work = Work::new(builder.build().unwrap());
        let data: Vec<u8> = (0..4096u32).map(|i| (i * 7 / 3) as u8).collect();
        work.bar1.write(DATA + 0x10000, &data).unwrap();
        work.submit(&copy(4096, 5));
        work.wait(5);
        let mut seen = vec![0; 4096];
        work.bar1.read(DATA + 0x20000, &mut seen).unwrap();
        assert!(seen == data);
        assert_eq!(work.model().counters().bytes, 4096);
        // The engine's vector is one of the leaves'.
        let limit = Instant::now() + Duration::from_secs(30);
        let leaves = |work: &Work| {
            let leaves = (0..8).map(|leaf| work.driver.read(0xb8_1000 + 4 * leaf));
            leaves.map(u32::count_ones).sum::<u32>()
        };
        while leaves(&work) < 2 {
            assert!(Instant::now() < limit, "no notification");
        }
        // Off its runlist it does nothing, and freed it is nobody.
        work.driver
            .rm_control(CHANNEL, 0xa06f_0103, &[0, 0])
            .unwrap();
        work.submit(&copy(4096, 6));
        work.driver.rm_free(CHANNEL).unwrap();
        work.driver.write(0xbb_0090, work.token);
        work.driver.rm_free(DEVICE).unwrap();
        assert_eq!(work.vram32(DATA + 0x30000), 5);
        work.driver.unload().unwrap();
    }
}

#[test]
fn an_error_comes_as_an_event_and_in_the_notifier() {
    let mut work = Work::new(Model::builder().build().unwrap());
    work.submit(&copy(8192, 5));
    // The fault's entry comes first.
    let queued = work.driver.receive(0x1005).unwrap().payload;
    assert!(queued.is_empty());
    let event = work.driver.rc_triggered().unwrap().payload;
    assert_eq!(event.len(), 48);
    let words: Vec<_> = (0..12).map(|i| u32_at(&event, 4 * i)).collect();
    assert_eq!(words[0], 9);
    assert_eq!(words[1], work.token & 0xffff);
    assert_eq!(words[4], 31);
    // The destination's second page is for reading only.
    let fault = DESTINATION + 0x1000;
    assert_eq!(words[7], fault as u32);
    assert_eq!(words[8], (fault >> 32) as u32);
    assert_eq!(words[9], 6);
    let notifier = [2, 3].map(|i| work.vram32(NOTIFIER + 4 * i));
    assert_eq!(notifier, [31, 0xffff_0009]);
    assert_eq!(work.vram32(DATA + 0x30000), 0);
    assert_eq!(work.model().counters().faulted, 1);
    work.driver.rm_free(DEVICE).unwrap();
    work.driver.unload().unwrap();
}

impl Work {
    fn model(&self) -> &Model {
        &self.driver.model
    }
}
