// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What real machine monitors ask a vhost-user device for.

use vhost::vhost_user::message::VhostUserProtocolFeatures as Protocol;

const RING_INDIRECT_DESC: u64 = 1 << 28;
const RING_EVENT_IDX: u64 = 1 << 29;
const PROTOCOL_FEATURES: u64 = 1 << 30;
const VERSION_1: u64 = 1 << 32;
const IN_ORDER: u64 = 1 << 35;
const ORDER_PLATFORM: u64 = 1 << 36;
const NOTIFICATION_DATA: u64 = 1 << 38;
const LOG_ALL: u64 = 1 << 26;

/// A machine monitor's handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// QEMU 11.1, `vhost-user-test-device-pci`.
    Qemu,
    /// cloud-hypervisor 53, `--generic-vhost-user`.
    CloudHypervisor53,
}

impl Profile {
    /// Both, for tests that run under each.
    pub const ALL: [Self; 2] = [Self::Qemu, Self::CloudHypervisor53];

    /// Feature bits that the monitor lets through between device and guest, and the bit of
    /// vhost-user itself.
    pub const fn feature_mask(self) -> u64 {
        match self {
            // The backend's own features are the guest's.
            Self::Qemu => u64::MAX,
            Self::CloudHypervisor53 => {
                RING_INDIRECT_DESC
                    | RING_EVENT_IDX
                    | VERSION_1
                    | IN_ORDER
                    | ORDER_PLATFORM
                    | NOTIFICATION_DATA
                    | LOG_ALL
                    | PROTOCOL_FEATURES
            }
        }
    }

    /// vhost-user protocol features that the monitor takes when they are offered.
    pub fn protocol_mask(self) -> Protocol {
        match self {
            // It never asks this device for the first, and is no Xen.
            Self::Qemu => Protocol::all() - Protocol::INFLIGHT_SHMFD - Protocol::XEN_MMAP,
            Self::CloudHypervisor53 => {
                Protocol::MQ
                    | Protocol::REPLY_ACK
                    | Protocol::CONFIG
                    | Protocol::CONFIGURE_MEM_SLOTS
                    | Protocol::BACKEND_REQ
                    | Protocol::INFLIGHT_SHMFD
                    | Protocol::DEVICE_STATE
                    | Protocol::LOG_SHMFD
            }
        }
    }

    /// What a Linux guest's driver acknowledges of the features that reach it.
    pub const fn driver_features(self, offered: u64) -> u64 {
        let known = RING_INDIRECT_DESC | RING_EVENT_IDX | VERSION_1 | IN_ORDER;
        offered & self.feature_mask() & known
    }

    /// Sizes of the queues in the monitor's default configuration, as many as asked for.
    pub fn queue_sizes(self, queues: usize) -> Vec<u16> {
        let size = match self {
            Self::Qemu => 64,
            // Required there, so any; another one than QEMU's.
            Self::CloudHypervisor53 => 128,
        };
        vec![size; queues]
    }
}
