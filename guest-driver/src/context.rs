// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A context: the host's counterpart of an open file.

use crate::control::{Control, Keep, Prepared, Undo};
use kernel_abi::{
    alloc::flags::GFP_KERNEL,
    current,
    error::Result,
    sync::Arc,
    virtio_nova::{CtxCreate, RespCtxCreate, CMD_CTX_CREATE, CMD_CTX_DESTROY},
};

/// A context on the host; it is destroyed when the last user here lets go.
pub(crate) struct Context {
    control: Arc<Control>,
    id: u32,
    /// Taken when the context is destroyed.
    destroy: Option<Prepared>,
}

impl Context {
    /// Creates a context for the current task. Sleeps; killable.
    pub(crate) fn create(control: Arc<Control>) -> Result<Arc<Self>> {
        let opener = current!();
        let who = CtxCreate {
            // A process id is never below zero.
            pid: opener.tgid().unsigned_abs(),
            uid: opener.get_cred().euid().into_uid_in_init_ns(),
            name: opener.group_leader().comm(),
        };
        let destroy = Some(Control::prepare()?);
        let created: RespCtxCreate = control.call(
            CMD_CTX_CREATE,
            0,
            &who,
            Undo::DestroyContext,
            Keep::default(),
        )?;
        let context = Self {
            control,
            id: created.ctx_id,
            destroy,
        };
        // Without memory the value is dropped, which destroys the context again.
        Ok(Arc::new(context, GFP_KERNEL)?)
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy.take() {
            let nothing = [0u8; 0];
            let keep = Keep::default();
            self.control
                .post_prepared(destroy, CMD_CTX_DESTROY, self.id, &nothing, keep);
        }
    }
}
