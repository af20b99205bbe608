// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A card with memory, page tables and channels.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use nova_pci::{Bar, BarIndex, DmaMemory, Pci};
use nova_spec::{
    ce::{method as ce, LaunchDma},
    gmmu::{BigPde, Level, Pde, PdeAperture, Pte, PteAperture, BIG_PAGE, HUGE_PAGE, SMALL_PAGE},
    host::{method, userd, GpEntry, MethodHeader, SemExecute, SemOperation},
    pci::{command, header},
};

use crate::{
    bar::ModelBar,
    builder::Builder,
    gpu::{
        host::{ChannelId, ChannelParams, GroupId, Host, Location, RcEvent},
        mmu::{Aperture, Invalidation, PageDirectory},
    },
    Model, ModelMapping,
};

pub(super) const MIB: u64 = 1 << 20;
/// Where system memory is on the bus.
pub(super) const BUS: u64 = 0x1_0000_0000;
/// Bytes of it.
pub(super) const SYSTEM: u64 = 32 * MIB;
/// Entries of a ring.
pub(super) const ENTRIES: u32 = 64;
/// Dwords of a channel's push buffer.
const PUSH: u64 = 0x4000;
pub(super) const VECTOR: u32 = 17;
pub(super) const RUNLIST: u16 = 3;

/// A card.
pub(super) struct Rig {
    pub(super) model: Model,
    pub(super) bar0: ModelBar,
    pub(super) system: Arc<DmaMemory>,
    _mapping: ModelMapping,
    next_vram: u64,
    next_system: u64,
    tables: BTreeMap<(u64, Level, u64), u64>,
    pub(super) root: u64,
}

/// How a page is mapped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map {
    pub(super) page: u64,
    pub(super) aperture: Aperture,
    pub(super) read_only: bool,
}

pub(super) const VRAM: Map = Map {
    page: SMALL_PAGE,
    aperture: Aperture::Vram,
    read_only: false,
};
pub(super) const SYS: Map = Map {
    page: SMALL_PAGE,
    aperture: Aperture::System,
    read_only: false,
};

/// A channel and its memory, which is mapped from `base` on.
pub(super) struct Channel {
    pub(super) id: ChannelId,
    pub(super) base: u64,
    /// Where that is in system memory.
    pub(super) memory: u64,
    pub(super) userd: u64,
    pub(super) notifier: u64,
    put: u32,
    pushed: u64,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(Model::builder())
    }

    pub(super) fn with(builder: Builder) -> Self {
        let model = builder.vram(256 * MIB).build().unwrap();
        let enable = command::MEMORY | command::BUS_MASTER;
        model
            .config_write(header::COMMAND, &enable.to_le_bytes())
            .unwrap();
        let bar0 = model.bar(BarIndex::Bar0).unwrap();
        let system = DmaMemory::new(SYSTEM).unwrap();
        let mapping = model.dma_map(BUS, &system).unwrap();
        let mut rig = Self {
            model,
            bar0,
            system,
            _mapping: mapping,
            next_vram: 4 * MIB,
            next_system: 0,
            tables: BTreeMap::new(),
            root: 0,
        };
        rig.root = rig.vram(4096, 4096);
        rig
    }

    /// Something of the host engine.
    pub(super) fn host<T>(&self, ask: impl FnOnce(&mut Host) -> T) -> T {
        ask(&mut self.model.card.state().gpu().host)
    }

    /// VRAM that is free.
    pub(super) fn vram(&mut self, size: u64, align: u64) -> u64 {
        let at = self.next_vram.next_multiple_of(align);
        self.next_vram = at + size;
        assert!(self.next_vram <= 256 * MIB);
        at
    }

    /// System memory that is free, by offset.
    pub(super) fn system(&mut self, size: u64, align: u64) -> u64 {
        let at = self.next_system.next_multiple_of(align);
        self.next_system = at + size;
        assert!(self.next_system <= SYSTEM);
        at
    }

    pub(super) fn put64(&self, vram: u64, value: u64) {
        let card = &self.model.card;
        card.vram.write(vram, &value.to_le_bytes()).unwrap();
    }

    pub(super) fn get64(&self, vram: u64) -> u64 {
        let mut data = [0; 8];
        self.model.card.vram.read(vram, &mut data).unwrap();
        u64::from_le_bytes(data)
    }

    pub(super) fn page_directory(&self) -> PageDirectory {
        PageDirectory {
            aperture: Aperture::Vram,
            address: self.root,
        }
    }

    /// Maps `size` bytes at a physical address: in VRAM, or an offset in system memory.
    pub(super) fn map(&mut self, va: u64, physical: u64, size: u64, map: Map) {
        for at in (0..size).step_by(map.page as usize) {
            let (aperture, base) = match map.aperture {
                Aperture::Vram => (PteAperture::VideoMemory, 0),
                Aperture::System => (PteAperture::SystemCoherent, BUS),
            };
            let pte = Pte::page(aperture, base + physical + at).unwrap();
            let entry = pte.with_read_only(map.read_only).raw_value();
            self.entry(va + at, map.page, entry);
        }
    }

    /// Writes the entry of a page.
    pub(super) fn entry(&mut self, va: u64, page: u64, entry: u64) {
        let pd0 = self.directories(va);
        let at = pd0 + Level::Pd0.offset(va);
        match page {
            HUGE_PAGE => self.put64(at, entry),
            BIG_PAGE => {
                let table = self.table(Level::BigPt, va, |rig, table| {
                    let pde = BigPde::table(PdeAperture::VideoMemory, table).unwrap();
                    rig.put64(at, pde.raw_value());
                });
                self.put64(table + Level::BigPt.offset(va), entry);
            }
            _ => {
                let table = self.table(Level::Pt, va, |rig, table| {
                    let pde = Pde::table(PdeAperture::VideoMemory, table).unwrap();
                    rig.put64(at + 8, pde.raw_value());
                });
                self.put64(table + Level::Pt.offset(va), entry);
            }
        }
    }

    /// PD0 of an address.
    fn directories(&mut self, va: u64) -> u64 {
        let mut above = self.root;
        for (level, below) in [
            (Level::Pd3, Level::Pd2),
            (Level::Pd2, Level::Pd1),
            (Level::Pd1, Level::Pd0),
        ] {
            let at = above + level.offset(va);
            above = self.table_of(below, va >> level.shift(), |rig, table| {
                let pde = Pde::table(PdeAperture::VideoMemory, table).unwrap();
                rig.put64(at, pde.raw_value());
            });
        }
        above
    }

    fn table(&mut self, level: Level, va: u64, link: impl FnOnce(&Self, u64)) -> u64 {
        self.table_of(level, va >> Level::Pd0.shift(), link)
    }

    fn table_of(&mut self, level: Level, which: u64, link: impl FnOnce(&Self, u64)) -> u64 {
        let root = self.root;
        if let Some(known) = self.tables.get(&(root, level, which)) {
            return *known;
        }
        let table = self.vram(4096, 4096);
        self.tables.insert((root, level, which), table);
        link(self, table);
        table
    }

    /// A channel of copy engine 2, on its runlist, in a group of its own.
    pub(super) fn channel(&mut self, chid: u16) -> Channel {
        self.channel_with(chid, |_| {})
    }

    pub(super) fn channel_with(
        &mut self,
        chid: u16,
        change: impl FnOnce(&mut ChannelParams),
    ) -> Channel {
        let base = (u64::from(chid) + 1) << 32;
        let memory = self.system(4 * PUSH + 0x1000, 4096);
        self.map(base, memory, 4 * PUSH + 0x1000, SYS);
        let userd = self.vram(userd::SIZE, userd::SIZE);
        let notifier = self.vram(16, 16);
        let instance = self.vram(4096, 4096);
        let vram = |address| Location {
            aperture: Aperture::Vram,
            address,
        };
        let mut params = ChannelParams {
            id: ChannelId {
                runlist: RUNLIST,
                chid,
            },
            group: GroupId(chid.into()),
            engine_type: 0xb,
            non_stall_vector: Some(VECTOR),
            gpfifo: base,
            gpfifo_entries: ENTRIES,
            userd: vram(userd),
            instance: vram(instance),
            page_directory: Some(self.page_directory()),
            privileged: false,
            deny_physical: true,
            error_notifier: Some(vram(notifier)),
        };
        change(&mut params);
        self.host(|host| {
            // Its addresses may have been another's.
            host.invalidate(Invalidation::All);
            host.create(params).unwrap();
        });
        self.schedule(params.id);
        Channel {
            id: params.id,
            base,
            memory,
            userd,
            notifier,
            put: 0,
            pushed: 0,
        }
    }

    /// Puts a channel on its runlist.
    pub(super) fn schedule(&self, id: ChannelId) {
        self.host(|host| host.schedule(id, true)).unwrap();
        // GSP-RM would do it after an access of the card, which wakes what runs channels.
        self.doorbell(u32::MAX);
    }

    /// Has a channel run methods.
    pub(super) fn submit(&self, channel: &mut Channel, words: &[u32]) {
        let at = 0x1000 + 4 * channel.pushed;
        for (word, offset) in words.iter().zip((at..).step_by(4)) {
            self.system.store32(channel.memory + offset, *word).unwrap();
        }
        channel.pushed += words.len() as u64;
        assert!(channel.pushed <= PUSH);
        let entry = GpEntry::push(channel.base + at, words.len() as u32).unwrap();
        self.ring(channel, entry.raw_value());
    }

    /// Adds an entry to the ring, and rings the doorbell.
    pub(super) fn ring(&self, channel: &mut Channel, entry: u64) {
        let at = channel.memory + 8 * u64::from(channel.put);
        self.system.store64(at, entry).unwrap();
        channel.put = (channel.put + 1) % ENTRIES;
        self.set_put(channel, channel.put);
    }

    pub(super) fn set_put(&self, channel: &Channel, put: u32) {
        let at = channel.userd + userd::GP_PUT;
        let card = &self.model.card;
        card.vram.write(at, &put.to_le_bytes()).unwrap();
        self.doorbell(channel.id.token());
    }

    pub(super) fn doorbell(&self, token: u32) {
        self.bar0.write32(0xbb_0090, token).unwrap();
    }

    /// Waits until something is so; the limit is only against a hang.
    pub(super) fn wait(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + Duration::from_secs(30);
        while !is(self) {
            assert!(Instant::now() < limit, "{what}");
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Waits until no channel has anything to do, or waits for anything but a doorbell.
    pub(super) fn wait_idle(&self) {
        self.wait("idle", |rig| {
            rig.host(|host| !host.is_ready() && host.next_due().is_none())
                && !rig.host(|host| host.is_copying())
        });
    }

    /// Waits for the error of a channel.
    pub(super) fn error(&self, channel: &Channel) -> RcEvent {
        self.wait("an error", |rig| {
            rig.host(|host| host.error_of(channel.id)).is_some()
        });
        self.host(|host| host.error_of(channel.id)).unwrap()
    }

    /// The whole of system memory or VRAM, in part.
    pub(super) fn bytes(&self, map: Map, physical: u64, len: u64) -> Vec<u8> {
        let mut data = vec![0; len as usize];
        match map.aperture {
            Aperture::Vram => self.model.card.vram.read(physical, &mut data).unwrap(),
            Aperture::System => self.system.read(physical, &mut data).unwrap(),
        }
        data
    }

    pub(super) fn set_bytes(&self, map: Map, physical: u64, data: &[u8]) {
        match map.aperture {
            Aperture::Vram => self.model.card.vram.write(physical, data).unwrap(),
            Aperture::System => self.system.write(physical, data).unwrap(),
        }
    }
}

/// Methods in a row.
pub(super) fn methods(subchannel: u8, first: u32, values: &[u32]) -> Vec<u32> {
    let header = MethodHeader::incrementing(subchannel, first, values.len() as u32).unwrap();
    let mut words = vec![header.raw_value()];
    words.extend(values);
    words
}

pub(super) const OBJECT: u8 = 4;

pub(super) fn set_object() -> Vec<u32> {
    methods(OBJECT, method::SET_OBJECT, &[0xc7b5])
}

/// A semaphore of the host engine.
pub(super) fn semaphore(va: u64, payload: u64, execute: SemExecute) -> Vec<u32> {
    let values = [
        va as u32,
        (va >> 32) as u32,
        payload as u32,
        (payload >> 32) as u32,
        execute.raw_value(),
    ];
    methods(0, method::SEM_ADDR_LO, &values)
}

pub(super) fn release(va: u64, payload: u32) -> Vec<u32> {
    let release = SemExecute::DEFAULT.with_operation(SemOperation::RELEASE);
    semaphore(va, payload.into(), release)
}

/// Offsets, pitches and lengths of a copy.
pub(super) fn geometry(from: u64, to: u64, pitches: [u32; 2], line: u32, lines: u32) -> Vec<u32> {
    let values = [
        (from >> 32) as u32,
        from as u32,
        (to >> 32) as u32,
        to as u32,
        pitches[0],
        pitches[1],
        line,
        lines,
    ];
    methods(OBJECT, ce::OFFSET_IN_UPPER, &values)
}

pub(super) fn launch(launch: LaunchDma) -> Vec<u32> {
    methods(OBJECT, ce::LAUNCH_DMA, &[launch.raw_value()])
}

/// A copy of bytes.
pub(super) fn copy(from: u64, to: u64, len: u32) -> Vec<u32> {
    let mut words = geometry(from, to, [0; 2], len, 1);
    words.extend(launch(LaunchDma::copy()));
    words
}

/// The same bytes for the same seed.
pub(super) fn noise(seed: u64, len: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut data = vec![0; len as usize];
    rng.fill(&mut data);
    data
}
pub(super) fn acquire(va: u64, payload: u32) -> Vec<u32> {
    let acquire = SemExecute::DEFAULT.with_operation(SemOperation::ACQUIRE);
    semaphore(va, payload.into(), acquire)
}
