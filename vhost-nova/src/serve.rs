// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The main loop: everything that is no guest's request happens here, in one thread.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_manager::{EventManager, EventOps, EventSet, Events, MutEventSubscriber, SubscriberOps};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::descriptors;
use crate::error::{Context, Error};
use crate::gpu::{Gpu, GpuName};
use crate::operator::{self, OperatorListener, Status};
use crate::sigbus;
use crate::tenant::{check_distinct, SocketSpec, TenantListener, TenantSpec};

/// How long connections may take to end when the daemon stops.
// TIMEOUT: a worker ends after the requests at hand, which takes milliseconds; longer means that
// it is stuck, and nothing is gained by waiting.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often GSP-RM's messages are looked at, which is a read of memory. Its queue has room for 63,
/// and it sends none while all is well.
const GPU_EVENTS: Duration = Duration::from_secs(1);

/// What to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// The GPU to share.
    pub gpu: GpuName,
    /// Where firmware is looked for before the system's folder.
    pub firmware: Option<PathBuf>,
    /// Among whom.
    pub tenants: Vec<TenantSpec>,
    /// Where an operator may ask.
    pub control: Option<SocketSpec>,
}

type Subscriber = Rc<RefCell<dyn MutEventSubscriber>>;
type Tenants = Vec<Rc<RefCell<TenantListener>>>;

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// When it can not start, or not stop in good order.
pub fn serve(options: &Options) -> Result<(), Error> {
    check_distinct(&options.tenants, options.control.as_ref())?;
    // Before any other thread: this one's mask is inherited, and the table is nobody else's.
    descriptors::reserve(options.tenants.len());
    let stop = Rc::new(RefCell::new(Stop::new()?));
    sigbus::install().context("installing the SIGBUS handler")?;
    let mut manager = EventManager::<Adapter>::new().context("creating the main loop")?;
    // Sockets come last: who finds one can be served.
    let gpu = Arc::new(Gpu::open(&options.gpu, options.firmware.clone())?);
    let mut tenants = Tenants::new();
    let share = gpu.usable_vram() / (options.tenants.len() as u64).max(1);
    for spec in &options.tenants {
        let mut spec = spec.clone();
        spec.work.vram_quota.get_or_insert(share);
        let tenant = TenantListener::new(&spec, gpu.clone())?;
        tenants.push(Rc::new(RefCell::new(tenant)));
    }
    let operator = match &options.control {
        None => None,
        Some(spec) => {
            let source = status_of(&gpu, &tenants);
            let listener = OperatorListener::new(spec, source)?;
            Some(Rc::new(RefCell::new(listener)))
        }
    };
    manager.add_subscriber(Adapter(stop.clone()));
    if let Some(operator) = &operator {
        manager.add_subscriber(Adapter(operator.clone()));
    }
    for tenant in &tenants {
        manager.add_subscriber(Adapter(tenant.clone()));
    }
    let count = match tenants.len() {
        1 => "1 tenant".to_owned(),
        n => format!("{n} tenants"),
    };
    tracing::info!("serving {} to {count}", gpu.description());
    while stop.borrow().received.is_none() {
        manager
            .run_with_timeout(GPU_EVENTS.as_millis() as i32)
            .context("waiting for events")?;
        if let Err(error) = gpu.handle_events() {
            tracing::error!(%error, "the GPU");
        }
    }
    if let Some(operator) = &operator {
        operator.borrow_mut().close();
    }
    stop_tenants(&mut manager, &tenants)?;
    gpu.shut_down()?;
    tracing::info!("stopped");
    Ok(())
}

/// What an operator is told.
fn status_of(gpu: &Gpu, tenants: &Tenants) -> operator::Source {
    let gpu = gpu.description().to_string();
    let tenants = tenants.clone();
    Box::new(move || Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        gpu: gpu.clone(),
        tenants: tenants
            .iter()
            .map(|tenant| tenant.borrow().status())
            .collect(),
    })
}

fn stop_tenants(manager: &mut EventManager<Adapter>, tenants: &Tenants) -> Result<(), Error> {
    for tenant in tenants {
        tenant.borrow_mut().close();
    }
    let deadline = Instant::now() + STOP_TIMEOUT;
    loop {
        let live = tenants.iter().find(|tenant| tenant.borrow().is_live());
        let Some(live) = live else { break };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let error = anyhow::anyhow!("its connection does not end");
            let context = format!("stopping tenant {}", live.borrow().name());
            return Err(Error::runtime(context, error));
        }
        let left = left.as_millis() as i32 + 1;
        manager
            .run_with_timeout(left)
            .context("waiting for connections to end")?;
    }
    Ok(())
}

/// Gives each kind of subscriber to one manager, and keeps it reachable from outside.
struct Adapter(Subscriber);

impl MutEventSubscriber for Adapter {
    fn process(&mut self, events: Events, ops: &mut EventOps<'_>) {
        self.0.borrow_mut().process(events, ops);
    }

    fn init(&mut self, ops: &mut EventOps<'_>) {
        self.0.borrow_mut().init(ops);
    }
}

/// SIGINT and SIGTERM.
struct Stop {
    signals: SignalFd,
    received: Option<Signal>,
}

impl Stop {
    fn new() -> Result<Self, Error> {
        let mask = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
        mask.thread_block().context("blocking signals")?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let signals = SignalFd::with_flags(&mask, flags).context("creating a signalfd")?;
        Ok(Self {
            signals,
            received: None,
        })
    }
}

impl MutEventSubscriber for Stop {
    fn init(&mut self, ops: &mut EventOps<'_>) {
        if let Err(error) = ops.add(Events::new(&self.signals, EventSet::IN)) {
            tracing::error!("watching signals: {error}");
        }
    }

    fn process(&mut self, _events: Events, _ops: &mut EventOps<'_>) {
        if let Ok(Some(info)) = self.signals.read_signal() {
            let signal = i32::try_from(info.ssi_signo).ok();
            let signal = signal.and_then(|number| Signal::try_from(number).ok());
            if let Some(signal) = signal {
                tracing::info!("{signal}: stopping");
                self.received = Some(signal);
            }
        }
    }
}
