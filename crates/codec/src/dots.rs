//! `dots`: a dot an event, to see that something comes (logstash-codec-dots 3.0).

use alces_conf::Options;
use alces_event::Event;
use alces_plugin::Context;

use crate::Encoder;

/// `dots`; it has no options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dots;

impl Dots {
    pub(crate) fn encoder(_: &Context<'_>, _: &mut Options<'_>) -> Option<Box<dyn Encoder>> {
        Some(Box::new(Self))
    }
}

impl Encoder for Dots {
    fn encode(&self, _: &Event, out: &mut Vec<u8>) {
        out.push(b'.');
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::encode;

    #[test]
    fn a_dot_each() {
        assert_eq!(encode("dots", &["{}", "{}"]), "..");
    }
}
