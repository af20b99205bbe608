// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `/dev/kernel_abi_selftest`: a file whose `poll` is a [`PollCondVar`]'s, for a program that waits for it with epoll.
//!
//! | written | does |
//! |---|---|
//! | `wake` | there is something to read, and who polls is woken |
//! | `calm` | there is nothing to read any more |
//! | `free` | drops the condition variable, whoever polls |
//!
//! Opening makes the condition variable: one file at a time.
//!
//! C headers: `include/linux/miscdevice.h`, `include/linux/fs.h`.

use core::{
    ffi::{c_char, c_int},
    mem,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox},
    bindings,
    error::{
        code::{EBUSY, EINVAL},
        from_result, to_result, Result,
    },
    fs::File,
    global_lock,
    module::ThisModule,
    new_poll_condvar,
    sync::{PollCondVar, PollTable},
    types::Opaque,
    uaccess::{UserPtr, UserSlice},
};

/// `MISC_DYNAMIC_MINOR`.
const ANY_MINOR: c_int = 255;

global_lock! {
    // SAFETY: `PollDevice::register` initialises it before there is a file.
    unsafe(uninit) static POLLED: Mutex<Option<Pin<KBox<PollCondVar>>>> = None;
}

static READABLE: AtomicBool = AtomicBool::new(false);

/// The device, until it is dropped.
pub(crate) struct PollDevice {
    misc: Pin<KBox<Misc>>,
}

/// What C looks at while the device is registered.
struct Misc {
    device: Opaque<bindings::miscdevice>,
    fops: bindings::file_operations,
}

// SAFETY: nothing here is touched from Rust while it is registered.
unsafe impl Send for PollDevice {}
// SAFETY: as above.
unsafe impl Sync for PollDevice {}

impl PollDevice {
    /// Makes the device. Sleeps; once in the life of the module.
    pub(crate) fn register(module: &'static ThisModule) -> Result<Self> {
        // SAFETY: called once, as the module is loaded.
        unsafe { POLLED.init() };
        // SAFETY: zeros are a structure without any operation.
        let mut fops: bindings::file_operations = unsafe { mem::zeroed() };
        fops.owner = module.as_ptr();
        fops.open = Some(open);
        fops.release = Some(release);
        fops.write = Some(write);
        fops.poll = Some(poll);
        // SAFETY: zeros are a structure without name and operations.
        let mut device: bindings::miscdevice = unsafe { mem::zeroed() };
        device.minor = ANY_MINOR;
        device.name = c"kernel_abi_selftest".as_ptr();
        let misc = Misc {
            device: Opaque::new(device),
            fops,
        };
        let misc = KBox::into_pin(KBox::new(misc, GFP_KERNEL)?);
        // SAFETY: both stay in place until `misc_deregister`.
        unsafe {
            (*misc.device.get()).fops = &misc.fops;
            to_result(bindings::misc_register(misc.device.get()))?;
        }
        Ok(Self { misc })
    }
}

impl Drop for PollDevice {
    fn drop(&mut self) {
        // No file is open: each holds the module.
        // SAFETY: registered by `register`.
        unsafe { bindings::misc_deregister(self.misc.device.get()) };
    }
}

unsafe extern "C" fn open(_inode: *mut bindings::inode, _file: *mut bindings::file) -> c_int {
    from_result(|| {
        let condvar = KBox::pin_init(new_poll_condvar!("selftest_polled"), GFP_KERNEL)?;
        let mut polled = POLLED.lock();
        if polled.is_some() {
            return Err(EBUSY);
        }
        *polled = Some(condvar);
        READABLE.store(false, Ordering::Release);
        Ok(0)
    })
}

unsafe extern "C" fn release(_inode: *mut bindings::inode, _file: *mut bindings::file) -> c_int {
    let polled = POLLED.lock().take();
    drop(polled);
    0
}

unsafe extern "C" fn write(
    _file: *mut bindings::file,
    buffer: *const c_char,
    len: usize,
    _offset: *mut bindings::loff_t,
) -> isize {
    from_result(|| {
        let mut word = [0; 4];
        let address = UserPtr::from_ptr(buffer.cast_mut().cast());
        UserSlice::new(address, len)
            .reader()
            .read_slice(&mut word)?;
        tell(&word)?;
        Ok(word.len() as isize)
    })
}

fn tell(word: &[u8; 4]) -> Result {
    let mut polled = POLLED.lock();
    match word {
        b"wake" => {
            READABLE.store(true, Ordering::Release);
            if let Some(condvar) = &*polled {
                condvar.notify_all();
            }
        }
        b"calm" => READABLE.store(false, Ordering::Release),
        b"free" => {
            READABLE.store(false, Ordering::Release);
            let condvar = polled.take();
            drop(polled);
            drop(condvar);
        }
        _ => return Err(EINVAL),
    }
    Ok(())
}

unsafe extern "C" fn poll(
    file: *mut bindings::file,
    table: *mut bindings::poll_table,
) -> bindings::__poll_t {
    // SAFETY: C calls this with a file and a table that are valid during the call.
    let (file, table) = unsafe { (File::from_raw_file(file), PollTable::from_raw(table)) };
    if let Some(condvar) = &*POLLED.lock() {
        table.register_wait(file, condvar);
    }
    match READABLE.load(Ordering::Acquire) {
        true => bindings::NOVA_CONST_EPOLLIN,
        false => 0,
    }
}
