import Foundation

/// The progress of a run: one live line on a terminal, now and then a plain line elsewhere.
///
/// A call that prints nothing costs a few nanoseconds: the clock is asked only every so many calls, as many
/// as fit eight times into the interval at the current speed.
public struct ProgressLine: Sendable {
    /// What the line looks like and how often it appears.
    public struct Style: Sendable {
        /// Whether the line is rewritten in place.
        public var isTerminal: Bool
        /// The width of the terminal in columns; longer lines are cut.
        public var columnCount: Int
        /// The least time between two lines.
        public var interval: Duration

        /// Creates a style; by default ten lines a second on a terminal and one in five seconds elsewhere.
        public init(isTerminal: Bool, columnCount: Int = 100, interval: Duration? = nil) {
            self.isTerminal = isTerminal
            self.columnCount = max(20, columnCount)
            self.interval = interval ?? (isTerminal ? .milliseconds(100) : .seconds(5))
        }

        /// The style that fits standard error. Under mpirun that is a pipe to mpirun, which passes on what it reads;
        /// so the standard error of the process that started this one is looked at instead.
        public static func fittingStandardError(isUnderMPI: Bool) -> Style {
            let own = fitting(descriptor: 2)
            guard !own.isTerminal, isUnderMPI,
                let target = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/\(getppid())/fd/2"),
                target.hasPrefix("/dev/pts/") || target.hasPrefix("/dev/tty")
            else { return own }
            let terminal = open(target, O_RDONLY | O_NOCTTY)
            guard terminal >= 0 else { return own }
            defer { close(terminal) }
            return fitting(descriptor: terminal)
        }

        /// The style that fits a descriptor, for instance 2 for standard error.
        public static func fitting(descriptor: Int32) -> Style {
            var size = winsize()
            let isTerminal = isatty(descriptor) == 1
            let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
            return Style(isTerminal: isTerminal, columnCount: isKnown ? Int(size.ws_col) : 100)
        }
    }

    private let stepCount: Int?
    private let style: Style
    private let now: @Sendable () -> Duration
    private let write: @Sendable (String) -> Void

    private var step: Int
    private var epoch = 0
    private var lossSum = 0.0
    private var lossCount = 0
    private var sampleCount = 0
    private var evaluation: String?
    private var callsUntilClock = 0
    private var callsSinceClock = 0
    private var lastClock: Duration
    private var lastPrint: Duration
    private var lastPrintedStep: Int
    private var stepsPerSecond: Double?
    private var isLineOpen = false

    /// Creates a line; nothing is printed yet.
    ///
    /// - Parameters:
    ///   - stepCount: the last step of the run, if known.
    ///   - firstStep: the step that a resumed run starts from.
    ///   - now: a clock that never goes back.
    ///   - write: where text goes, unbuffered; standard error by default.
    public init(
        stepCount: Int?, startingAt firstStep: Int = 0, style: Style,
        now: @escaping @Sendable () -> Duration = ProgressLine.systemClock(),
        write: @escaping @Sendable (String) -> Void = { ProgressLine.standardError($0) }
    ) {
        self.stepCount = stepCount
        self.style = style
        self.now = now
        self.write = write
        step = firstStep
        lastPrintedStep = firstStep
        lastClock = now()
        lastPrint = lastClock
    }

    /// Notes that training has come to `step`, and prints if it is time.
    ///
    /// - Parameters:
    ///   - sampleCount: samples since the last call.
    ///   - loss: the mean loss of these steps.
    public mutating func update(step: Int, epoch: Int, loss: Double, sampleCount: Int) {
        self.step = step
        self.epoch = epoch
        self.sampleCount += sampleCount
        lossSum += loss
        lossCount += 1
        callsSinceClock += 1
        callsUntilClock -= 1
        if callsUntilClock <= 0 { askClock() }
    }

    /// Shows the latest evaluation in the line from now on; elsewhere than on a terminal prints it at once.
    public mutating func noteEvaluation(step: Int, metric: String, value: Double) {
        evaluation = "\(metric) \(Self.short(value)) at step \(step)"
        if !style.isTerminal { write("evaluation: \(metric) \(Self.short(value)) at step \(step)\n") }
    }

    /// Prints a message on a line of its own, above the live one.
    public mutating func message(_ text: String) {
        write((isLineOpen ? Self.clearLine : "") + text + "\n")
        isLineOpen = false
    }

    /// Prints the last state and ends the live line.
    public mutating func finish() {
        if step != lastPrintedStep { print(at: now()) }
        if isLineOpen { write("\n") }
        isLineOpen = false
    }

    private mutating func askClock() {
        let time = now()
        let callsPerInterval =
            Double(callsSinceClock) * Self.seconds(style.interval)
            / max(Self.seconds(time - lastClock), 1e-9)
        callsUntilClock = Int(min(max(callsPerInterval / 8, 1), 100_000))
        callsSinceClock = 0
        lastClock = time
        if time - lastPrint >= style.interval { print(at: time) }
    }

    private mutating func print(at time: Duration) {
        let elapsed = max(Self.seconds(time - lastPrint), 1e-9)
        let speed = Double(step - lastPrintedStep) / elapsed
        // The time left follows a smoothed speed, or it would jump about.
        stepsPerSecond = stepsPerSecond.map { 0.7 * $0 + 0.3 * speed } ?? speed
        let line = text(samplesPerSecond: Double(sampleCount) / elapsed)
        write(style.isTerminal ? Self.clearLine + String(line.prefix(style.columnCount - 1)) : line + "\n")
        isLineOpen = style.isTerminal
        lastPrint = time
        lastPrintedStep = step
        (lossSum, lossCount, sampleCount) = (0, 0, 0)
    }

    private func text(samplesPerSecond: Double) -> String {
        var parts = [stepCount.map { "step \(step)/\($0)" } ?? "step \(step)", "epoch \(epoch)"]
        if lossCount > 0 { parts.append("loss \(Self.short(lossSum / Double(lossCount)))") }
        if sampleCount > 0 { parts.append("\(Self.short(samplesPerSecond)) samples/s") }
        if let stepCount, let stepsPerSecond, stepsPerSecond > 0, step < stepCount {
            parts.append("eta \(Self.clock(Double(stepCount - step) / stepsPerSecond))")
        }
        if let evaluation { parts.append(evaluation) }
        return parts.joined(separator: "  ")
    }

    /// Back to the first column and erase to the end of the line.
    private static let clearLine = "\r\u{1b}[K"

    private static func short(_ value: Double) -> String {
        abs(value) >= 1000 && abs(value) < 1e15 ? String(Int(value.rounded())) : String(format: "%.4g", value)
    }

    private static func clock(_ seconds: Double) -> String {
        guard seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded(.up))
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        return hours > 0
            ? String(format: "%d:%02d:%02d", hours, minutes, whole % 60)
            : String(format: "%d:%02d", minutes, whole % 60)
    }

    private static func seconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}

extension ProgressLine {
    /// A clock that counts from now on.
    public static func systemClock() -> @Sendable () -> Duration {
        let start = ContinuousClock.now
        return { start.duration(to: .now) }
    }

    /// Writes text to standard error. What does not fit is lost: progress never stops a run.
    public static func standardError(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Foundation.write(2, bytes, bytes.count)
    }
}
