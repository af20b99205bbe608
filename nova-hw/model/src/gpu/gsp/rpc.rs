// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What GSP-RM does with each call, and the events that it sends by itself.

use nova_spec::{
    rm::{memsys::UpdateBarPde, NvStatus},
    rpc::{
        registry, sequencer, static_info::GspStaticConfigInfo, system_info::GspSystemInfo,
        unload::UnloadingGuestDriver, RpcFunction,
    },
    FormatError,
};
use zerocopy::{FromBytes, IntoBytes};

use super::{outgoing::Outgoing, queue::Command, static_info, Env, Phase, Rm, MAX_CHATTER};

impl Rm {
    pub(super) fn handle(&mut self, env: &mut Env<'_>, command: &Command) {
        tracing::debug!(function = %command.function, "GSP-RM has a command");
        match command.function {
            RpcFunction::GSP_SET_SYSTEM_INFO => self.set_system_info(&command.payload),
            RpcFunction::SET_REGISTRY => self.set_registry(&command.payload),
            RpcFunction::GET_GSP_STATIC_INFO => self.get_static_info(command),
            RpcFunction::UNLOADING_GUEST_DRIVER => self.unload(command),
            // The calls here are shorter than a message can be, so nothing is continued.
            RpcFunction::CONTINUATION_RECORD => tracing::warn!("nothing to continue"),
            RpcFunction::UPDATE_BAR_PDE => self.update_bar_pde(env, command),
            RpcFunction::GSP_RM_ALLOC
            | RpcFunction::GSP_RM_CONTROL
            | RpcFunction::FREE
            | RpcFunction::SET_PAGE_DIRECTORY
            | RpcFunction::UNSET_PAGE_DIRECTORY => self.call_objects(env, command),
            function => {
                tracing::warn!(%function, "GSP-RM does not know this call");
                self.answer(command, NvStatus::NV_ERR_NOT_SUPPORTED, Vec::new());
            }
        }
    }

    fn call_objects(&mut self, env: &mut Env<'_>, command: &Command) {
        let (status, payload) = match self.phase {
            Phase::Up => self
                .objects
                .answer(env, command.function, &command.payload)
                .unwrap_or((NvStatus::NV_ERR_NOT_SUPPORTED, Vec::new())),
            _ => (NvStatus::NV_ERR_INVALID_STATE, Vec::new()),
        };
        self.answer(command, status, payload);
    }

    fn update_bar_pde(&mut self, env: &Env<'_>, command: &Command) {
        let status = match UpdateBarPde::read_from_bytes(&command.payload) {
            _ if self.phase != Phase::Up => NvStatus::NV_ERR_INVALID_STATE,
            Ok(call) => {
                let updated = self.bars.update(env, &call);
                updated.err().unwrap_or(NvStatus::NV_OK)
            }
            Err(_) => NvStatus::NV_ERR_INVALID_PARAM_STRUCT,
        };
        self.answer(command, status, command.payload.clone());
    }

    /// It is up: it says so.
    pub(super) fn init_done(&mut self) {
        self.phase = Phase::Up;
        self.came_up = true;
        self.chatter();
        self.post(Outgoing::event(RpcFunction::GSP_INIT_DONE, Vec::new()));
        tracing::info!("GSP-RM is up");
    }

    fn set_system_info(&mut self, payload: &[u8]) {
        match system_info(payload) {
            Ok(()) => self.has_system_info = true,
            Err(error) => return tracing::warn!(%error, "GSP-RM has no system information"),
        }
        self.has_settings();
    }

    fn set_registry(&mut self, payload: &[u8]) {
        let entries = registry::decode(payload).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match entries {
            Ok(entries) => {
                tracing::debug!(?entries, "GSP-RM has a registry");
                self.has_registry = true;
            }
            Err(error) => return tracing::warn!(%error, "GSP-RM has no registry"),
        }
        self.has_settings();
    }

    /// With both settings it goes on.
    fn has_settings(&mut self) {
        if self.phase != Phase::Settings || !self.has_system_info || !self.has_registry {
            return;
        }
        self.chatter();
        let payload = sequencer::encode(&self.sequence.operations);
        self.post(Outgoing::event(RpcFunction::GSP_RUN_CPU_SEQUENCER, payload));
        match self.sequence.resumes() {
            true => self.phase = Phase::Sequence,
            false => self.init_done(),
        }
    }

    fn get_static_info(&mut self, command: &Command) {
        if self.phase != Phase::Up {
            return self.answer(command, NvStatus::NV_ERR_INVALID_STATE, Vec::new());
        }
        if command.payload.len() != GspStaticConfigInfo::SIZE {
            return self.answer(command, NvStatus::NV_ERR_INVALID_ARGUMENT, Vec::new());
        }
        self.chatter();
        let info = static_info::answer(self.chipset, &self.meta, self.bars, self.rng.as_mut());
        self.answer(command, NvStatus::NV_OK, info.as_bytes().to_vec());
    }

    /// The driver goes. It is answered in every phase: a driver goes after a failed boot too.
    fn unload(&mut self, command: &Command) {
        if let Err(error) = UnloadingGuestDriver::decode(&command.payload) {
            tracing::warn!(%error, "the driver goes, but does not say how");
            return self.answer(command, NvStatus::NV_ERR_INVALID_ARGUMENT, Vec::new());
        }
        tracing::info!("GSP-RM ends");
        self.answer(command, NvStatus::NV_OK, Vec::new());
    }

    fn answer(&mut self, command: &Command, status: NvStatus, payload: Vec<u8>) {
        self.post(Outgoing {
            function: command.function,
            rpc_result: status.0,
            sequence: command.sequence,
            payload,
            fault: None,
        });
    }

    /// Events that say nothing to a driver, in a number that the seed draws.
    fn chatter(&mut self) {
        let Some(mut rng) = self.rng.take() else {
            return;
        };
        for _ in 0..rng.u32(0..=MAX_CHATTER / 3) {
            let function = match rng.bool() {
                true => RpcFunction::GSP_POST_NOCAT_RECORD,
                false => RpcFunction::GSP_LOCKDOWN_NOTICE,
            };
            let payload = vec![rng.u8(..); rng.usize(1..=5000)];
            self.post(Outgoing::event(function, payload));
        }
        self.rng = Some(rng);
    }
}

fn system_info(payload: &[u8]) -> Result<(), FormatError> {
    let info = GspSystemInfo::decode(payload)?;
    tracing::debug!(
        bar0 = format_args!("{:#x}", info.gpuPhysAddr),
        bar1 = format_args!("{:#x}", info.gpuPhysFbAddr),
        mirror = format_args!("{:#x}", info.pciConfigMirrorBase),
        "GSP-RM has system information"
    );
    Ok(())
}
