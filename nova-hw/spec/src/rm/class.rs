// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Classes of RM objects. Follows the `class/cl*.h` headers of open-gpu-kernel-modules.

use crate::numbers::named_numbers;

named_numbers! {
    /// A class. Displays as its name.
    Class, "class";
    /// A client.
    NV01_ROOT = 0x0000;
    /// An event of an object.
    NV01_EVENT_KERNEL_CALLBACK_EX = 0x007e;
    /// A device of a client.
    NV01_DEVICE_0 = 0x0080;
    /// A GPU of a device.
    NV20_SUBDEVICE_0 = 0x2080;
    /// A context in a channel group.
    FERMI_CONTEXT_SHARE_A = 0x9067;
    /// An address space.
    FERMI_VASPACE_A = 0x90f1;
    /// A group of channels.
    KEPLER_CHANNEL_GROUP_A = 0xa06c;
    /// The user-mode page.
    TURING_USERMODE_A = 0xc461;
    /// Turing's channel.
    TURING_CHANNEL_GPFIFO_A = 0xc46f;
    /// The user-mode page.
    AMPERE_USERMODE_A = 0xc561;
    /// The channel of Ampere and Ada.
    AMPERE_CHANNEL_GPFIFO_A = 0xc56f;
    /// Turing's copy engine.
    TURING_DMA_COPY_A = 0xc5b5;
    /// GA100's copy engine.
    AMPERE_DMA_COPY_A = 0xc6b5;
    /// The copy engine of GA10x and Ada.
    AMPERE_DMA_COPY_B = 0xc7b5;
    /// Hopper's channel.
    HOPPER_CHANNEL_GPFIFO_A = 0xc86f;
    /// Hopper's copy engine.
    HOPPER_DMA_COPY_A = 0xc8b5;
    /// Blackwell's channel.
    BLACKWELL_CHANNEL_GPFIFO_A = 0xc96f;
    /// Blackwell's copy engine.
    BLACKWELL_DMA_COPY_A = 0xc9b5;
}
