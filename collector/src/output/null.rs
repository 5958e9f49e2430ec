//! `null`: events are thrown away. With `encode => "bulk"` documents are encoded first, as for OpenSearch, so that what a pipeline
//! costs can be measured without one.

use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;

use super::{
    Fates, Outlet, Output, Plan, Sink, Undelivered,
    opensearch::{Encoded, OpenSearchPlan, Spare},
};
use crate::CollectorError;

/// A checked `null { }`.
#[derive(Clone, Debug)]
pub(crate) struct NullPlan {
    encode: Option<Box<OpenSearchPlan>>,
    spare: Spare,
}

impl NullPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        super::common(options);
        let encode = options.choice("encode", &[("bulk", true), ("none", false)]).unwrap_or(false);
        let plan = encode.then(|| {
            // As an output without options would write it.
            let plain = crate::describe::bare("elasticsearch");
            Box::new(OpenSearchPlan::compile(context, &mut Options::new(context.source, context.env, &plain)))
        });
        Self { encode: plan, spare: Spare::default() }
    }
}

impl Plan for NullPlan {
    fn open(&self, _: &Outlet) -> Result<Output, CollectorError> {
        Ok(Output::new(self.clone()))
    }
}

impl Sink for NullPlan {
    type Pending = Encoded;

    fn pending(&self) -> Encoded {
        Encoded::new(&self.spare)
    }

    /// Encodes an event, where that was asked for.
    fn encode(&self, event: &Event, to: &mut Encoded) {
        if let Some(plan) = &self.encode {
            to.add(event, plan);
        }
    }

    async fn send(&self, encoded: Encoded) -> Result<Fates, Undelivered> {
        encoded.recycle(&self.spare);
        Ok(Fates::default())
    }
}
