// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! How a call of RM can fail.

use std::{fmt, sync::Arc};

use nova_spec::{
    rm::{Class, Control, NvStatus},
    FormatError,
};

use crate::error::Cause;

/// What RM was asked. Displays so that it completes "RM refuses …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RmCall {
    /// To make an object.
    Alloc(Class),
    /// A control of an object.
    Control(Control),
    /// To free an object of a class.
    Free(Class),
}

impl fmt::Display for RmCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alloc(class) => write!(f, "a new {class}"),
            Self::Control(control) => write!(f, "{control}"),
            Self::Free(class) => write!(f, "the end of a {class}"),
        }
    }
}

/// A call of RM that did not work.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RmError {
    /// RM says no. The card goes on.
    #[error("RM refuses {call}: {status}")]
    Status {
        /// What was asked.
        call: RmCall,
        /// Why not.
        status: NvStatus,
    },
    /// RM's answer makes no sense. The card goes on.
    #[error("RM's answer to {call} is not in order")]
    Answer {
        /// What was asked.
        call: RmCall,
        /// What is wrong.
        source: FormatError,
    },
    /// GSP does not answer, or not in order, now or in an earlier call of whomever: the card is
    /// lost for all.
    #[error("the card is lost")]
    Lost(#[source] Arc<Cause>),
    /// The device was closed.
    #[error("the device is closed")]
    Closed,
}

impl RmError {
    /// Whether the whole card is concerned.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    /// What RM answered.
    pub fn status(&self) -> Option<NvStatus> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}
