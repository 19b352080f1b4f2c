import Foundation

/// A system call that failed, with the reason the system gave.
package struct SystemCallFailure: Error, CustomStringConvertible {
    /// The system's error number.
    package var code: Int32
    /// What was tried, for instance `write to PATH`.
    package var operation: String

    /// A failure with a known error number.
    package init(code: Int32, operation: String) {
        self.code = code
        self.operation = operation
    }

    /// A failure with the current `errno`.
    init(_ operation: String) {
        self.init(code: errno, operation: operation)
    }

    /// `write to PATH: No space left on device`.
    package var description: String { "\(operation): \(String(cString: strerror(code)))" }
}
