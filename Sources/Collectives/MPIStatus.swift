import CMPI
import Diagnostics

/// Throws unless an MPI function returned success.
/// - Throws: `internalError` with the function's name and MPI's own words.
func check(_ status: Int32, _ function: String) throws {
    guard status != cmpi_success() else { return }
    let text = mpiText { cmpi_error_string(status, $0) }
    throw LockstepError(
        .internalError, "\(function) failed: \(text)",
        remedy: "see whether another rank has ended, and what it printed")
}

/// The text that a C function of the shim writes.
func mpiText(_ write: (UnsafeMutablePointer<CChar>) -> Void) -> String {
    var characters = [CChar](repeating: 0, count: Int(CMPI_STRING_BYTES))
    characters.withUnsafeMutableBufferPointer { buffer in
        if let base = buffer.baseAddress { write(base) }
    }
    return String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// The library's name and version: `Open MPI 4.1.4`, `MPICH 4.0.2`.
func mpiLibraryName() throws -> String {
    var status = cmpi_success()
    let text = mpiText { status = cmpi_library_version($0) }
    try check(status, "MPI_Get_library_version")
    // Open MPI v4.1.4, package: …       MPICH Version:      4.0.2
    let head = text.prefix { $0 != "," && $0 != "\n" }.replacing(" Version:", with: " ")
    let words = head.split(whereSeparator: \.isWhitespace).map { word in
        word.first == "v" && word.dropFirst().first?.isNumber == true ? word.dropFirst() : word
    }
    return words.joined(separator: " ")
}
