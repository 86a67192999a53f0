//! Who of those who wait for a match plays together.

use realm_plugin::matchmaking::{Difficulty, Match, Ticket};

use crate::rule::Settings;

/// Most players of a game.
const PLAYERS_MAX: usize = 8;

/// The oldest plays with those of the same difficulty, the same danger and a level near its own: eight at once, or as many as there
/// are when the oldest has waited long enough. Who may not play this difficulty at all goes in alone, and is told so at the door.
#[must_use]
pub fn form(settings: &Settings, tickets: &[Ticket]) -> Vec<Match> {
    let mut matches = Vec::new();
    let mut left: Vec<(u32, &Ticket)> = (0..).zip(tickets).collect();
    while let Some((_, oldest)) = left.first().copied() {
        let level_min = match oldest.difficulty {
            Difficulty::Normal => 0,
            Difficulty::Nightmare => settings.nightmare_level_min,
            Difficulty::Hell => settings.hell_level_min,
        };
        let too_low = oldest.player.level < level_min;
        let fits = |ticket: &Ticket| {
            ticket.id == oldest.id
                || !too_low
                    && ticket.difficulty == oldest.difficulty
                    && ticket.player.hardcore == oldest.player.hardcore
                    && ticket.player.level >= level_min
                    && ticket.player.level.abs_diff(oldest.player.level) <= settings.level_band
        };
        let together: Vec<u32> =
            left.iter().filter(|(_, ticket)| fits(ticket)).map(|(place, _)| *place).take(PLAYERS_MAX).collect();
        if too_low || together.len() == PLAYERS_MAX || oldest.waited_ms >= settings.quick_wait_ms {
            left.retain(|(place, _)| !together.contains(place));
            matches.push(Match { tickets: together, difficulty: oldest.difficulty });
        } else {
            // It waits; those who come after it may have found each other meanwhile.
            left.remove(0);
        }
    }
    matches
}

#[cfg(test)]
mod tests {
    use realm_plugin::matchmaking::Player;

    use super::*;

    fn ticket(id: u64, level: u32, difficulty: Difficulty, waited_ms: u64) -> Ticket {
        let player = Player { account: id, character: id, class: "Druid".into(), level, hardcore: false };
        Ticket { id, player, difficulty, waited_ms }
    }

    fn formed(tickets: &[Ticket]) -> Vec<Vec<u32>> {
        form(&Settings::default(), tickets).into_iter().map(|formed| formed.tickets).collect()
    }

    #[test]
    fn eight_of_like_level_play_at_once() {
        let crowd: Vec<_> = (0..9).map(|id| ticket(id, 5, Difficulty::Normal, 0)).collect();
        assert_eq!(formed(&crowd), [(0..8).collect::<Vec<_>>()]);
        assert!(formed(&crowd[..7]).is_empty());
    }

    #[test]
    fn who_has_waited_long_enough_plays_with_those_who_fit() {
        let wait = Settings::default().quick_wait_ms;
        let crowd = [
            ticket(1, 5, Difficulty::Normal, wait),
            ticket(2, 15, Difficulty::Normal, 0),
            ticket(3, 16, Difficulty::Normal, 0),
            ticket(4, 5, Difficulty::Hell, 0),
        ];
        assert_eq!(formed(&crowd), [vec![0, 1], vec![3]]);
    }
}
