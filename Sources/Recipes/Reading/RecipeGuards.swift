import Diagnostics

/// Bounds that are checked before a text reaches the YAML parser, so that no input, however hostile, can
/// exhaust the stack, the memory or the patience of the reader.
enum RecipeGuards {
    /// The largest recipe that is read, in bytes.
    static let maximumByteCount = 1 << 20
    /// The largest number of `[` and `{` in a recipe; each may open a level of nesting.
    static let maximumFlowOpenings = 512
    /// The largest indentation (with leading `-`, `?` and `:`) of a line, in characters.
    static let maximumIndentation = 128

    /// Checks a recipe's text.
    ///
    /// Anchors are refused rather than counted: they have no use in a recipe, and without them an alias bomb
    /// cannot be written. The check looks at every word, so it is strict inside quotes as well.
    /// - Throws: `LockstepError` with code `usage` and the line at fault.
    static func check(_ text: String, place: (_ line: Int) -> FileLocation) throws {
        guard text.utf8.count <= maximumByteCount else {
            throw LockstepError(
                .usage, "the recipe has \(text.utf8.count) bytes, more than \(maximumByteCount)",
                at: place(1),
                remedy: "give the path of a recipe; data belongs into files that 'data.path' names")
        }
        var scan = LineScan()
        for scalar in text.unicodeScalars {
            if let problem = scan.consume(scalar) {
                throw LockstepError(.usage, problem.message, at: place(scan.line), remedy: problem.remedy)
            }
        }
    }

    private struct Problem {
        var message: String
        var remedy: String
    }

    /// One pass over the characters; every line break of YAML 1.1 ends a line.
    private struct LineScan {
        var line = 1
        private var indentation = 0
        private var isInPrefix = true
        private var isComment = false
        private var flowOpenings = 0
        private var previous: Unicode.Scalar = "\n"
        private var beforePrevious: Unicode.Scalar = "\n"

        mutating func consume(_ scalar: Unicode.Scalar) -> Problem? {
            defer { (beforePrevious, previous) = (previous, scalar) }
            if isLineBreak(scalar) {
                startLine(after: scalar)
                return nil
            }
            if scalar.value < 32 && scalar != "\t" || scalar.value == 127 {
                return Problem(
                    message: "the recipe holds the control character \(scalar.value)",
                    remedy: "a recipe is UTF-8 text; is this the right file?")
            }
            if isInPrefix { readPrefix(scalar) }
            if indentation > RecipeGuards.maximumIndentation { return nestingProblem }
            if isComment { return nil }
            if scalar == "[" || scalar == "{" {
                flowOpenings += 1
                if flowOpenings > RecipeGuards.maximumFlowOpenings { return nestingProblem }
            }
            return anchorProblem(scalar)
        }

        private var nestingProblem: Problem {
            Problem(
                message: "the recipe is nested too deeply, or has too many lists in brackets",
                remedy: "indent by at most \(RecipeGuards.maximumIndentation) characters and use at most "
                    + "\(RecipeGuards.maximumFlowOpenings) brackets")
        }

        private mutating func startLine(after scalar: Unicode.Scalar) {
            if !(scalar == "\n" && previous == "\r") { line += 1 }
            (indentation, isInPrefix, isComment) = (0, true, false)
        }

        private mutating func readPrefix(_ scalar: Unicode.Scalar) {
            switch scalar {
            case " ", "\t", "-", "?", ":": indentation += 1
            case "#":
                (isInPrefix, isComment) = (false, true)
            default: isInPrefix = false
            }
        }

        /// `&name` at the start of a word would be an anchor.
        private func anchorProblem(_ scalar: Unicode.Scalar) -> Problem? {
            guard previous == "&", !" \t,]}".unicodeScalars.contains(scalar) else { return nil }
            let startsWord =
                isLineBreak(beforePrevious) || " \t,[]{}:-?".unicodeScalars.contains(beforePrevious)
            guard startsWord else { return nil }
            return Problem(
                message: "'&' at the start of a word: anchors and aliases are not allowed in a recipe",
                remedy: "write the value out where it is needed")
        }

        private func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.value {
            case 0x0A, 0x0D, 0x85, 0x2028, 0x2029: true
            default: false
            }
        }
    }
}
