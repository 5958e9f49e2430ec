//! What a receiver says, as its sender reads it.

use bytes::{Buf as _, BytesMut};

use crate::ProtocolError;

/// What a receiver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Everything up to this number has arrived; 0 is a sign of life.
    Ack(u32),
    /// `B` and `Z` frames may be sent, in this version. Only a sender that asked is told.
    Records(u32),
}

/// The sender's half of reading.
#[derive(Debug, Default)]
pub struct AnswerReader(());

impl AnswerReader {
    /// Takes one answer off `input`; `None` means that more bytes are needed.
    ///
    /// # Errors
    /// Anything but an answer.
    pub fn next_answer(&mut self, input: &mut BytesMut) -> Result<Option<Answer>, ProtocolError> {
        match input.first() {
            None => return Ok(None),
            Some(b'1' | b'2') => {}
            Some(other) => return Err(ProtocolError::Version(*other)),
        }
        let answer = match input.get(1) {
            None => return Ok(None),
            Some(b'A') => Answer::Ack,
            Some(b'B') => Answer::Records,
            Some(other) => return Err(ProtocolError::FrameType(*other)),
        };
        if input.len() < 6 {
            return Ok(None);
        }
        input.advance(2);
        Ok(Some(answer(input.get_u32())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{encode_ack, encode_offer};

    #[test]
    fn answers_come_in_pieces_and_others_are_refused() {
        let bytes = [encode_ack(b'2', 0), encode_offer(), encode_ack(b'1', 2048), *b"2X\0\0\0\0"].concat();
        let (mut reader, mut input, mut got) = (AnswerReader::default(), BytesMut::new(), Vec::new());
        let error = bytes.iter().find_map(|byte| {
            input.extend_from_slice(&[*byte]);
            match reader.next_answer(&mut input) {
                Ok(answer) => {
                    got.extend(answer);
                    None
                }
                Err(error) => Some(error),
            }
        });
        assert_eq!(got, [Answer::Ack(0), Answer::Records(1), Answer::Ack(2048)]);
        assert_eq!(error, Some(ProtocolError::FrameType(b'X')));
        assert_eq!(reader.next_answer(&mut BytesMut::from("HTTP")), Err(ProtocolError::Version(b'H')));
    }
}
