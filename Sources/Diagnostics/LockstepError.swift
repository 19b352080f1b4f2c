import Foundation

/// A failure that a person has to read: what happened, where, and what to do about it.
///
/// It prints as
/// `FILE:LINE: what happened [rank 1, step 40, allreduce of bucket 2]` and, on a second line, `remedy: …`.
public struct LockstepError: Error, Sendable {
    /// The code that the process ends with.
    public var code: ExitCode
    /// What happened, in one sentence without a final full stop.
    public var message: String
    /// The file (and line) that the message speaks of, if any.
    public var location: FileLocation?
    /// What to do about it, in one sentence.
    public var remedy: String?
    /// The rank on which it happened, filled in by the layer that knows it.
    public var rank: Int?
    /// The step in which it happened, filled in by the layer that knows it.
    public var step: Int?
    /// The collective operation in which it happened, for instance `broadcast of 4,096 bytes`.
    public var collective: String?
    /// The error that caused this one, in words.
    public var cause: String?
    /// Whether another rank reports the same failure, so that this one keeps silent.
    public var isEcho = false

    /// Creates an error; rank, step and collective are usually added on the way up with ``with(rank:step:collective:)``.
    public init(
        _ code: ExitCode, _ message: String, at location: FileLocation? = nil, remedy: String? = nil,
        rank: Int? = nil, step: Int? = nil, collective: String? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.location = location
        self.remedy = remedy
        self.rank = rank
        self.step = step
        self.collective = collective
        self.cause = cause.map(Self.inWords)
    }

    /// An error as a person reads it; Foundation's describe themselves as dictionaries.
    private static func inWords(_ error: any Error) -> String {
        let text = String(describing: error)
        return text.hasPrefix("Error Domain=") ? error.localizedDescription : text
    }

    /// The same error with more of its surroundings named; what is already known stays.
    public func with(rank: Int? = nil, step: Int? = nil, collective: String? = nil) -> LockstepError {
        var copy = self
        copy.rank = copy.rank ?? rank
        copy.step = copy.step ?? step
        copy.collective = copy.collective ?? collective
        return copy
    }

    /// The same error without a rank, for a process that is alone.
    public var withoutRank: LockstepError {
        var copy = self
        copy.rank = nil
        return copy
    }

    /// The same error as an echo of another rank's.
    public var asEcho: LockstepError {
        var copy = self
        copy.isEcho = true
        return copy
    }

    /// Any error as a `LockstepError`; one of another type becomes an internal error that quotes it.
    public static func wrapping(_ error: any Error) -> LockstepError {
        (error as? LockstepError) ?? LockstepError(.internalError, String(describing: error))
    }
}

/// A place in a file, printed as `FILE:LINE:COLUMN` so that editors can jump to it.
public struct FileLocation: Sendable, Equatable, CustomStringConvertible {
    /// The file's path as the user wrote it.
    public var file: String
    /// The line, counted from 1.
    public var line: Int?
    /// The column, counted from 1.
    public var column: Int?

    /// Creates a location.
    public init(_ file: String, line: Int? = nil, column: Int? = nil) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `FILE`, `FILE:LINE` or `FILE:LINE:COLUMN`.
    public var description: String {
        [file, line.map(String.init), column.map(String.init)].compactMap { $0 }.joined(separator: ":")
    }
}

extension LockstepError: CustomStringConvertible {
    /// The message as a person reads it, on one to three lines.
    public var description: String {
        var text = location.map { "\($0): " } ?? ""
        text += message
        let surroundings = [rank.map { "rank \($0)" }, step.map { "step \($0)" }, collective].compactMap {
            $0
        }
        if !surroundings.isEmpty { text += " [" + surroundings.joined(separator: ", ") + "]" }
        if let cause { text += "\n  cause: \(cause)" }
        if let remedy { text += "\n  remedy: \(remedy)" }
        return text
    }
}
