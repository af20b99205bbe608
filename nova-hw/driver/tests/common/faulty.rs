// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A device whose transport fails at a chosen access, and that counts what a driver leaves.
#![allow(dead_code)] // each test uses a part

use std::{
    io,
    ops::RangeInclusive,
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc, Mutex, MutexGuard,
    },
};

use nova_pci::{Bar, BarIndex, BarMemory, DmaMemory, EventFd, Pci, PciError};

/// What happens to the access, or from it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A write is lost; a read gives 0.
    Drop,
    /// One bit is wrong.
    Corrupt,
    /// A read gives all-ones; a write is lost.
    AllOnes,
    /// From here on, every read gives all-ones and every write is lost.
    OffTheBus,
    /// From here on, this register does not change.
    Hang,
    /// The transport says that it failed.
    Error,
    /// From here on, it always does.
    Broken,
}

/// One access to BAR0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    pub offset: u64,
    pub is_write: bool,
}

#[derive(Debug, Default)]
pub struct State {
    /// Every access so far.
    pub accesses: Vec<Access>,
    plan: Option<(usize, Fault)>,
    hung: Option<(u64, u32)>,
}

/// A device that does what its plan says. A clone is the same device.
#[derive(Clone)]
pub struct Faulty<P> {
    pub pci: P,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    mapped: AtomicUsize,
    resets: AtomicUsize,
    refuse_resets: AtomicUsize,
    hide_rom: AtomicUsize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl<P> Faulty<P> {
    pub fn new(pci: P) -> Self {
        Self {
            pci,
            shared: Arc::default(),
        }
    }

    /// From now on, the access with this number, counted from now, has this fault.
    pub fn plan(&self, at: usize, fault: Fault) {
        *self.shared.state() = State {
            plan: Some((at, fault)),
            ..State::default()
        };
    }

    /// From now on this register of BAR0 reads so, and drops what is written.
    pub fn stick(&self, offset: u64, value: u32) {
        self.shared.state().hung = Some((offset, value));
    }

    /// No more faults; the accesses are counted anew.
    pub fn heal(&self) {
        *self.shared.state() = State::default();
    }

    /// Accesses since the last [`Self::heal`] or [`Self::plan`].
    pub fn accesses(&self) -> Vec<Access> {
        self.shared.state().accesses.clone()
    }

    /// How much memory is mapped now.
    pub fn mapped(&self) -> usize {
        self.shared.mapped.load(Ordering::SeqCst)
    }

    /// How often the device was reset.
    pub fn resets(&self) -> usize {
        self.shared.resets.load(Ordering::SeqCst)
    }

    /// There is no option ROM from now on.
    pub fn hide_rom(&self) {
        self.shared.hide_rom.store(1, Ordering::SeqCst);
    }

    /// Resets fail from now on.
    pub fn refuse_resets(&self) {
        self.shared.refuse_resets.store(1, Ordering::SeqCst);
    }
}

pub struct FaultyMapping<M> {
    _mapping: M,
    shared: Arc<Shared>,
}

impl<M> Drop for FaultyMapping<M> {
    fn drop(&mut self) {
        self.shared.mapped.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<P: Pci> Pci for Faulty<P> {
    type Bar = FaultyBar<P::Bar>;
    type Mapping = FaultyMapping<P::Mapping>;

    fn config_read(&self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        self.pci.config_read(offset, data)
    }

    fn config_write(&self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        self.pci.config_write(offset, data)
    }

    fn bar(&self, index: BarIndex) -> Result<Self::Bar, PciError> {
        Ok(FaultyBar {
            bar: self.pci.bar(index)?,
            shared: (index == BarIndex::Bar0).then(|| self.shared.clone()),
        })
    }

    fn rom_size(&self) -> u64 {
        if self.shared.hide_rom.load(Ordering::SeqCst) != 0 {
            return 0;
        }
        self.pci.rom_size()
    }

    fn rom_read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        self.pci.rom_read(offset, data)
    }

    fn dma_ranges(&self) -> Result<Vec<RangeInclusive<u64>>, PciError> {
        self.pci.dma_ranges()
    }

    fn dma_map(&self, start: u64, memory: &Arc<DmaMemory>) -> Result<Self::Mapping, PciError> {
        let mapping = self.pci.dma_map(start, memory)?;
        self.shared.mapped.fetch_add(1, Ordering::SeqCst);
        Ok(FaultyMapping {
            _mapping: mapping,
            shared: self.shared.clone(),
        })
    }

    fn enable_msi(&self) -> Result<EventFd, PciError> {
        self.pci.enable_msi()
    }

    fn disable_msi(&self) -> Result<(), PciError> {
        self.pci.disable_msi()
    }

    fn reset(&self) -> Result<(), PciError> {
        if matches!(self.shared.state().plan, Some((_, Fault::Broken))) {
            return Err(broken());
        }
        if self.shared.refuse_resets.load(Ordering::SeqCst) != 0 {
            return Err(io::Error::from(io::ErrorKind::Unsupported).into());
        }
        self.shared.resets.fetch_add(1, Ordering::SeqCst);
        self.pci.reset()
    }
}

pub struct FaultyBar<B> {
    bar: B,
    /// For BAR0 only.
    shared: Option<Arc<Shared>>,
}

/// What the plan says of one access.
enum Verdict {
    Pass,
    Flip,
    Lose(u32),
    Fail,
}

impl<B: Bar> FaultyBar<B> {
    fn judge(&self, offset: u64, is_write: bool) -> Verdict {
        let Some(shared) = &self.shared else {
            return Verdict::Pass;
        };
        let mut state = shared.state();
        let number = state.accesses.len();
        state.accesses.push(Access { offset, is_write });
        if let Some((hung, value)) = state.hung {
            if hung == offset {
                return Verdict::Lose(value);
            }
        }
        match state.plan {
            Some((at, Fault::OffTheBus)) if number >= at => Verdict::Lose(u32::MAX),
            Some((at, Fault::Broken)) if number >= at => Verdict::Fail,
            Some((at, fault)) if number == at => match fault {
                Fault::Drop => Verdict::Lose(0),
                Fault::Corrupt => Verdict::Flip,
                Fault::AllOnes => Verdict::Lose(u32::MAX),
                Fault::Error => Verdict::Fail,
                Fault::Hang => {
                    // What it reads without this access having an effect.
                    let value = match is_write {
                        true => self.bar.read32(offset).unwrap(),
                        false => 0,
                    };
                    state.hung = Some((offset, value));
                    Verdict::Lose(value)
                }
                Fault::OffTheBus | Fault::Broken => unreachable!("above"),
            },
            _ => Verdict::Pass,
        }
    }
}

fn broken() -> PciError {
    io::Error::from(io::ErrorKind::BrokenPipe).into()
}

impl<B: Bar> Bar for FaultyBar<B> {
    fn size(&self) -> u64 {
        self.bar.size()
    }

    fn read32(&self, offset: u64) -> Result<u32, PciError> {
        match self.judge(offset, false) {
            Verdict::Pass => self.bar.read32(offset),
            Verdict::Flip => Ok(self.bar.read32(offset)? ^ 1 << (offset / 4 % 32)),
            Verdict::Lose(value) => Ok(value),
            Verdict::Fail => Err(broken()),
        }
    }

    fn write32(&self, offset: u64, value: u32) -> Result<(), PciError> {
        match self.judge(offset, true) {
            Verdict::Pass => self.bar.write32(offset, value),
            Verdict::Flip => self.bar.write32(offset, value ^ 1 << (offset / 4 % 32)),
            Verdict::Lose(_) => Ok(()),
            Verdict::Fail => Err(broken()),
        }
    }

    fn read(&self, offset: u64, data: &mut [u8]) -> Result<(), PciError> {
        self.bar.read(offset, data)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), PciError> {
        self.bar.write(offset, data)
    }

    fn memory(&self) -> Option<BarMemory> {
        self.bar.memory()
    }
}
