//! Why a goroutine waits, in the words that Go's reports use.

/// The reason for a wait; shown in reports and dumps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Reason {
    ChanReceive,
    ChanReceiveNil,
    ChanSend,
    Select,
    SelectNoCases,
    Sleep,
    Join,
    Scope,
    WaitGroup,
    IoWait,
    MutexLock,
    RwLockRead,
    RwLockWrite,
    CondvarWait,
    Semaphore,
    ErrGroupGo,
    ErrGroupWait,
    Once,
    Barrier,
    BlockOn,
    Wakes,
}

impl Reason {
    const ALL: [Self; 21] = [
        Self::ChanReceive,
        Self::ChanReceiveNil,
        Self::ChanSend,
        Self::Select,
        Self::SelectNoCases,
        Self::Sleep,
        Self::Join,
        Self::Scope,
        Self::WaitGroup,
        Self::IoWait,
        Self::MutexLock,
        Self::RwLockRead,
        Self::RwLockWrite,
        Self::CondvarWait,
        Self::Semaphore,
        Self::ErrGroupGo,
        Self::ErrGroupWait,
        Self::Once,
        Self::Barrier,
        Self::BlockOn,
        Self::Wakes,
    ];

    /// The reason whose discriminant is `byte`.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// The text of a report.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::ChanReceive => "chan receive",
            Self::ChanReceiveNil => "chan receive (never)",
            Self::ChanSend => "chan send",
            Self::Select => "select",
            Self::SelectNoCases => "select (no cases)",
            Self::Sleep => "sleep",
            Self::Join => "join",
            Self::Scope => "scope",
            Self::WaitGroup => "sync.WaitGroup.Wait",
            Self::IoWait => "IO wait",
            Self::MutexLock => "sync.Mutex.Lock",
            Self::RwLockRead => "sync.RWMutex.RLock",
            Self::RwLockWrite => "sync.RWMutex.Lock",
            Self::CondvarWait => "sync.Cond.Wait",
            Self::ErrGroupGo => "errgroup.Group.Go",
            Self::ErrGroupWait => "errgroup.Group.Wait",
            Self::Semaphore => "sync.Semaphore.Acquire",
            Self::Once => "sync.Once",
            Self::Barrier => "sync.Barrier",
            Self::BlockOn => "block_on",
            Self::Wakes => "futures to wake (csp)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_byte() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_byte(reason as u8), Some(reason));
        }
        assert_eq!(Reason::from_byte(Reason::ALL.len() as u8), None);
    }
}
