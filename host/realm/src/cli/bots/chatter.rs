//! The chatting half of a bot.

use std::{collections::BTreeSet, time::Duration};

use realm_client::{ClientError, Lobby, ServerMessage, proto};
use tokio::time::Instant;

use super::player::{Part, Player, Stage};

/// A bot says a line so often.
const LINE_EVERY: Duration = Duration::from_millis(2_500);
/// How often a bot looks whether it is time for something.
const STEP: Duration = Duration::from_millis(100);
/// How long the last lines may take to arrive everywhere.
const ECHO_DEADLINE: Duration = Duration::from_secs(15);

/// What a bot said and heard.
#[derive(Debug, Default)]
pub(super) struct ChatReport {
    pub(super) sent: u64,
    /// Lines that the filter or a limit refused.
    pub(super) refused: u64,
    /// Own lines that came back changed by the filter.
    pub(super) filtered: u64,
    /// Numbers of the channel's lines that arrived.
    pub(super) lines: BTreeSet<u64>,
    pub(super) whispers_sent: u64,
    pub(super) whispers_delivered: u64,
    pub(super) whispers_received: u64,
    pub(super) banned: bool,
}

pub(super) async fn chat(
    lobby: &mut Lobby,
    player: &Player,
    neighbour: &str,
    stage: &Stage,
    end: Instant,
) -> Result<ChatReport, ClientError> {
    let mut report = ChatReport::default();
    // Lines of many bots are spread over the interval.
    let offset = LINE_EVERY * player.number / stage.players;
    let mut next_line = Instant::now() + offset;
    lobby
        .send(proto::Whisper { account: neighbour.to_owned(), text: format!("greetings from {}", player.name) })
        .await?;
    report.whispers_sent += 1;
    while Instant::now() < end {
        if Instant::now() >= next_line {
            next_line += LINE_EVERY;
            report.sent += 1;
            let number = report.sent;
            let text = match player.part {
                Part::Swearer => format!("{} says line {number}, shit", player.name),
                _ => format!("{} says line {number}", player.name),
            };
            if let Err(error) = lobby.send(proto::ChatSend { text }).await {
                return closed(report, &error).ok_or(error);
            }
        }
        match lobby.next_within(STEP).await {
            Ok(message) => hear(&mut report, &player.name, stage, &message),
            Err(ClientError::Deadline { .. }) => {}
            Err(error) => return closed(report, &error).ok_or(error),
        }
    }
    stage.now_silent();
    Ok(report)
}

/// A banned bot's connection is closed; that is how it should be.
fn closed(mut report: ChatReport, error: &ClientError) -> Option<ChatReport> {
    report.banned = error.code() == Some("ACCOUNT_BANNED");
    report.banned.then_some(report)
}

/// Waits until every bot has said its last line and all of them have arrived here.
pub(super) async fn listen_to_the_end(
    lobby: &mut Lobby,
    stage: &Stage,
    mut report: ChatReport,
) -> Result<ChatReport, ClientError> {
    let end = Instant::now() + ECHO_DEADLINE;
    let whole = |report: &ChatReport| {
        stage.all_silent()
            && report.lines.last().copied().unwrap_or(0) >= *stage.line_max.borrow()
            && report.whispers_delivered >= report.whispers_sent
    };
    // One quiet step after everything is there: a line that was on its way when the last bot fell silent has arrived by then.
    let mut quiet_steps = 0;
    while Instant::now() < end && quiet_steps < 5 {
        match lobby.next_within(STEP).await {
            Ok(message) => {
                hear(&mut report, "", stage, &message);
                quiet_steps = 0;
            }
            Err(ClientError::Deadline { .. }) => quiet_steps += u32::from(whole(&report)),
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}

fn hear(report: &mut ChatReport, own: &str, stage: &Stage, message: &ServerMessage) {
    match message {
        ServerMessage::ChatMessage(line) => {
            report.lines.insert(line.line);
            stage.line_max.send_if_modified(|max| {
                let rises = line.line > *max;
                *max = (*max).max(line.line);
                rises
            });
            report.filtered += u64::from(line.filtered && line.account == own);
        }
        ServerMessage::WhisperSent(_) => report.whispers_delivered += 1,
        ServerMessage::WhisperReceived(_) => report.whispers_received += 1,
        ServerMessage::Error(_) => report.refused += 1,
        _ => {}
    }
}
