// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The registers of GSP alone: its doorbells. Follows `dev_gsp.h`.

use crate::register::{plain, registers};

plain! {
    /// A write tells GSP that the command queue has something new; its value has no meaning.
    NV_PGSP_QUEUE_HEAD;
}

registers! {
    NV_PGSP_QUEUE_HEAD at 0x110c00 [8 by 8], read_write;
}
