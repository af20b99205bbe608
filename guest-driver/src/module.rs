// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The module: registers the driver while it is loaded.

use crate::driver::NovaVirtio;
use kernel_abi::{
    error::{code::EINVAL, Result},
    module::{Module, ThisModule},
    pr_err, pr_info,
    virtio::{self, DeviceId, IdTable},
};

/// 6: "ioMemory" of the VIRTIO id table (docs/virtio-nova.md, section 1). The alias in `module!` is the same number.
const IDS: IdTable = IdTable::new(&[DeviceId::new(6), DeviceId::END]);

/// What exists while the module is loaded. Its drop takes all devices down.
pub(crate) struct VirtioNova {
    _registration: virtio::Registration,
}

impl Module for VirtioNova {
    fn init(module: &'static ThisModule) -> Result<Self> {
        if crate::module_parameters::timeout_ms.value() == 0 {
            pr_err!("timeout_ms=0 leaves a host no time to answer\n");
            return Err(EINVAL);
        }
        let registration = virtio::Registration::new::<NovaVirtio>(IDS, module)?;
        pr_info!(
            "virtio-nova driver {} loaded\n",
            env!("VIRTIO_NOVA_VERSION")
        );
        Ok(Self {
            _registration: registration,
        })
    }
}
