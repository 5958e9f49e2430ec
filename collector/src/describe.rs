//! Every plugin with its options, out of the tables that read them.

use alces_conf::{OptionInfo, Options, Plugin, Source, Spanned};
use alces_event::Timestamp;
use alces_filters::{Context, EcsMode, NoFiles};

use crate::{input::INPUTS, output::OUTPUTS};

/// A plugin, as documents tell of it.
#[derive(Clone, Debug)]
pub struct PluginInfo {
    /// `input`, `filter`, `output` or `codec`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its options, in the order in which they are read.
    pub options: Vec<OptionInfo>,
}

/// All inputs, filters, outputs and codecs.
pub fn describe() -> Vec<PluginInfo> {
    let source = Source::new("", "");
    let context = Context {
        source: &source,
        env: &|_| None,
        ecs: EcsMode::V8,
        clock: std::sync::Arc::new(|| Timestamp::UNIX_EPOCH),
        files: &NoFiles,
    };
    let asked = |name: &str, read: &dyn Fn(&mut Options<'_>)| {
        let plugin = bare(name);
        let mut options = Options::new(&source, context.env, &plugin);
        read(&mut options);
        options.described().to_vec()
    };
    let mut all = Vec::new();
    for (name, compile) in INPUTS {
        let options = asked(name, &|options| drop(compile(&context, options)));
        all.push(PluginInfo { kind: "input", name, options });
    }
    for (name, options) in alces_filters::describe(&context) {
        all.push(PluginInfo { kind: "filter", name, options });
    }
    for (name, compile) in OUTPUTS {
        let options = asked(name, &|options| drop(compile(&context, options)));
        all.push(PluginInfo { kind: "output", name, options });
    }
    for (name, options) in alces_codec::describe(&context) {
        all.push(PluginInfo { kind: "codec", name, options });
    }
    all
}

/// A plugin without options.
pub(crate) fn bare(name: &str) -> Plugin {
    Plugin { name: Spanned { node: name.to_owned(), span: 0..0 }, attributes: Vec::new() }
}
