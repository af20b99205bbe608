// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The virtio driver: looks at the device, brings it up and takes it down.

use crate::{
    control::{Control, Interrupt, Keep, Token, Undo},
    drm::{NovaData, NovaDriver},
    event::Events,
    work::{Slots, Workers},
};
use core::{ffi::CStr, pin::Pin};
use drm_core::{Registration, UnregisteredDevice};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    device::Bound,
    error::{
        code::{ENODEV, EPROTO},
        Error, Result,
    },
    pr_err, pr_info,
    sync::Arc,
    virtio::{self, Virtqueue},
    virtio_nova::{
        Config, FenceMemory, Wire, CMD_FENCE_MEMORY, CONFIG_MAGIC, OPTION_WORK, QUEUE_CONTROL,
        QUEUE_EVENT, VERSION_MAJOR, VERSION_MINOR,
    },
    workqueue::Work,
};
use pinned_init::{pin_data, try_pin_init};

/// `VIRTIO_F_VERSION_1`.
const F_VERSION_1: u32 = 32;
/// `VIRTIO_F_ACCESS_PLATFORM`.
const F_ACCESS_PLATFORM: u32 = 33;

/// What belongs to one device.
#[pin_data]
pub(crate) struct NovaVirtio {
    control: Arc<Control>,
    /// There when the device offers work.
    slots: Option<Arc<Slots>>,
    #[pin]
    reaper: Work<Control>,
    #[pin]
    events: Events,
}

impl virtio::Driver for NovaVirtio {
    const NAME: &'static CStr = c"virtio_nova";

    /// Declines what is not a virtio-nova device, or one that cannot work, with one line.
    fn accept(device: &virtio::Device<Bound>) -> Result {
        check(device, &config(device)?)
    }

    fn probe(device: &virtio::Device<Bound>) -> Result<Pin<KBox<Self>>> {
        let config = config(device)?;
        let [control, events] = device.find_queues([c"control", c"event"])?;
        let control: Virtqueue<Token> = Virtqueue::new(control);
        let events = Virtqueue::new(events);
        let entries = usize::try_from(config.max_mem_entries)?;
        let control = Arc::pin_init(Control::new(control, entries), GFP_KERNEL)?;
        let slots = match config.options & OPTION_WORK {
            0 => None,
            _ => {
                let slots = Slots::new(control.clone(), config)?;
                Some(Arc::pin_init(slots, GFP_KERNEL)?)
            }
        };
        KBox::pin_init(
            try_pin_init!(Self {
                slots,
                reaper <- Work::new(control.clone()),
                control,
                events <- Events::new(events),
            }? Error),
            GFP_KERNEL,
        )
    }

    fn ready(self: Pin<&Self>, device: &virtio::Device<Bound>) -> Result {
        self.events.post()?;
        let info = self.control.negotiate()?;
        if let Some(slots) = &self.slots {
            let (addr, length) = slots.memory();
            let memory = FenceMemory {
                addr,
                length,
                padding: 0,
            };
            let (undo, keep) = (Undo::Nothing, Keep::default());
            self.control
                .call::<_, [u8; 0]>(CMD_FENCE_MEMORY, 0, &memory, undo, keep)?;
            Workers::start(slots)?;
        }
        let data = NovaData::new(self.control.clone(), self.slots.clone());
        let drm = UnregisteredDevice::<NovaDriver>::new(device, Ok(data))?;
        Registration::new_foreign_owned::<Error>(drm, device, Ok(()), 0)?;
        pr_info!(
            "{}: {} MiB of VRAM, {} MiB of it in the BAR",
            NovaData::chip_name(info),
            info.vram_size >> 20,
            info.vram_bar_size >> 20
        );
        Ok(())
    }

    fn queue_interrupt(self: Pin<&Self>, index: u32) {
        match index {
            QUEUE_CONTROL => {
                let Interrupt { reap, jobs } = self.control.interrupt();
                if reap {
                    self.reaper.schedule();
                }
                if let Some(slots) = self.slots.as_ref().filter(|_| jobs) {
                    slots.interrupt();
                }
            }
            QUEUE_EVENT => self.events.interrupt(&self.control, self.slots.as_deref()),
            _ => {}
        }
    }

    fn stopped(self: Pin<&Self>) {
        self.events.stop();
        self.control.stop();
        if let Some(slots) = &self.slots {
            slots.stop();
        }
    }
}

fn config(device: &virtio::Device<Bound>) -> Result<Config> {
    let mut bytes = [0; Config::LEN];
    device.read_config(0, &mut bytes);
    Config::decode(&bytes).ok_or(ENODEV)
}

fn check(device: &virtio::Device<Bound>, config: &Config) -> Result {
    if config.magic != CONFIG_MAGIC {
        pr_info!("declined: a virtio device with id 6 that is not virtio-nova");
        return Err(ENODEV);
    }
    if config.version_major != VERSION_MAJOR {
        pr_err!(
            "declined: the device speaks version {}.{} and this driver {VERSION_MAJOR}.{VERSION_MINOR}",
            config.version_major,
            config.version_minor
        );
        return Err(EPROTO);
    }
    if config.max_mem_entries == 0 {
        pr_err!("declined: the device takes no memory entries");
        return Err(EPROTO);
    }
    if !device.has_feature(F_VERSION_1) {
        pr_err!("declined: the device does not offer VIRTIO_F_VERSION_1");
        return Err(ENODEV);
    }
    if device.has_feature(F_ACCESS_PLATFORM) || virtio::Device::memory_is_encrypted() {
        pr_err!("declined: the device needs guest-physical addresses (VIRTIO_F_ACCESS_PLATFORM or memory encryption is on)");
        return Err(ENODEV);
    }
    Ok(())
}
