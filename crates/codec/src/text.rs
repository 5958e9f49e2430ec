//! Bytes into text, and a text into an event.

use std::sync::LazyLock;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Timestamp, Value};
use alces_plugin::{Charset, Context, EcsMode, charset::charset_option, context::ecs_option};
use bytes::Bytes;
use bytestring::ByteString;

static MESSAGE: LazyLock<FieldRef> = LazyLock::new(|| FieldRef::field("message"));
static ORIGINAL: LazyLock<FieldRef> =
    LazyLock::new(|| FieldRef::field("event").child(alces_event::Key::new("original")));

/// How a codec reads text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    charset: Charset,
    original: bool,
}

impl Text {
    /// Reads `charset` and `ecs_compatibility`: in ECS mode the text is kept as `[event][original]`.
    pub(crate) fn read(options: &mut Options<'_>, context: &Context<'_>) -> Option<Self> {
        let charset = charset_option(options);
        let original = ecs_option(options, context.ecs) == EcsMode::V8;
        Some(Self { charset: charset?, original })
    }

    /// For a codec that keeps the original as `keeps` says only.
    pub(crate) fn keeping(self, keeps: bool) -> Self {
        Self { original: self.original && keeps, ..self }
    }

    /// UTF-8, as some codecs want it.
    pub(crate) fn utf8(original: bool) -> Self {
        Self { charset: Charset::Utf8, original }
    }

    /// The text of bytes; nothing is copied where they are UTF-8 already.
    pub(crate) fn text(self, bytes: Bytes) -> ByteString {
        match self.charset {
            Charset::Utf8 => ByteString::try_from(bytes.clone())
                .unwrap_or_else(|_| ByteString::from(self.charset.decode(&bytes))),
            other => ByteString::from(other.decode(&bytes)),
        }
    }

    /// An event whose message is the text.
    pub(crate) fn event(self, text: ByteString, now: Timestamp) -> Event {
        let len = text.len();
        let mut event = Event::from_line(text, now);
        if self.original {
            event.set_slice(&ORIGINAL, &MESSAGE, 0, len);
        }
        event
    }

    /// An event whose message is a text that could not be read, with a tag that says so.
    pub(crate) fn failed(self, text: ByteString, now: Timestamp, tag: &str) -> Event {
        let mut event = self.event(text, now);
        event.tag(tag);
        event
    }

    /// Keeps the text that an event was made of, where it keeps none itself.
    pub(crate) fn keep(self, event: &mut Event, text: &str) {
        if self.original && event.get(&ORIGINAL).is_none() && event.can_set(&ORIGINAL) {
            let text: Value = event.share(text);
            event.set(&ORIGINAL, text);
        }
    }
}
