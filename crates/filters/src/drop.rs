//! `drop`: the event goes no further (logstash-filter-drop 3.0).

use alces_conf::Options;
use alces_event::Event;

use crate::{common::Common, context::Context, filter::Filter};

/// A compiled `drop { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Drop {
    percentage: f64,
    random: fastrand::Rng,
}

impl Drop {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        Common::read(options);
        let percentage = match options.number("percentage") {
            None => 100.0,
            Some(number) if (0.0..=100.0).contains(&number.node) => number.node,
            Some(number) => {
                options.error(&number.span, "`percentage` of drop is a number from 0 to 100");
                return None;
            }
        };
        Some(Box::new(Self { percentage, random: fastrand::Rng::new() }))
    }
}

impl Filter for Drop {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        if self.percentage >= 100.0 || self.random.f64() * 100.0 < self.percentage {
            event.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, check_all, errors};

    #[test]
    fn every_event_goes_without_options() {
        assert_eq!(check("drop { }", "x"), "cancelled");
    }

    #[test]
    fn some_of_them() {
        assert!(!check("drop { percentage => 0 }", "x").contains("cancelled"));
        let lines = vec!["x"; 4000];
        let dropped = check_all("drop { percentage => 40 }", &lines).matches("cancelled").count();
        // 1,600 with a deviation of 31: ten times that.
        assert!((1290..=1910).contains(&dropped), "{dropped} of 4000");
    }

    #[test]
    fn more_than_all_is_an_error() {
        insta::assert_snapshot!(errors("drop { percentage => 140 }"), @r"
        x.conf:1:31: `percentage` of drop is a number from 0 to 100
          |
        1 | filter { drop { percentage => 140 } }
          |                               ^^^
        ");
    }
}
