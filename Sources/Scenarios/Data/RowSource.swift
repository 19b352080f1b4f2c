import DataPipeline
import Diagnostics
import Recipes

/// The rows of a recipe's files in one format: what is split, fitted, and compared between ranks. A row is what a
/// split deals with: a line of CSV, a line of text, a picture.
public protocol RowSource: Sendable {
    /// The number of rows.
    var rowCount: Int { get }
    /// The rows of each file, in order, for splits by file.
    var fileRows: [Range<Int>] { get }
    /// A number that says what the files hold; nodes compare it.
    var fingerprint: UInt64 { get }
    /// What to tell the user of samples that were left out while the files were opened.
    var warnings: [String] { get }
    /// What a row is called at the head of a column of predictions.
    var rowTitle: String { get }
    /// Names a row in a list of predictions.
    func name(ofRow row: Int) -> String
    /// A number for the class of every row, for stratified cuts.
    /// - Throws: `LockstepError` (65) with the place of a bad row.
    func classes() throws -> [Int32]
    /// Which rows train, validate and test. The default cuts rows as `data.split` or `data.fold` says.
    /// - Throws: `LockstepError` where a split has no rows.
    func split(_ part: DataPart) throws -> DataSplit
    /// Learns from the training rows all that encodes rows.
    /// - Throws: `LockstepError` (65) with the place of a bad row.
    func fit(_ recipe: Recipe, rows: [Int]) throws -> FittedData
}

extension RowSource {
    /// None.
    public var warnings: [String] { [] }
    /// `row`.
    public var rowTitle: String { "row" }
    /// The row's number, counted from 0.
    public func name(ofRow row: Int) -> String { String(row) }
    /// Cuts rows as the recipe says.
    public func split(_ part: DataPart) throws -> DataSplit { try RecipeSplit(part, source: self).rows() }
}

extension DataPart {
    /// Opens the recipe's files.
    /// - Throws: `LockstepError` with the file and line.
    func open() throws -> any RowSource {
        let paths = self.paths + (testPath.map { [$0] } ?? [])
        return switch content {
        case .table(let part): try CSVRows(paths: paths, part.csv, onBadSample: onBadSample)
        case .text(let part): try CSVRows(paths: paths, part.csv, onBadSample: onBadSample)
        case .lines(let part): try LineRows(paths: paths, part, onBadSample: onBadSample)
        case .images(let part): try ImageRows(self, part)
        case .tokens(let part): try TokenRows(self, part)
        case .parallel(let part): try ParallelRows(self, part)
        }
    }

    /// Opens a file that looks like the recipe's data but need not have labels, to predict it.
    /// - Throws: `LockstepError` with the file and line.
    public func open(toPredict path: String) throws -> any RowSource {
        switch content {
        case .table(let part): try CSVRows(paths: [path], part.csv, onBadSample: onBadSample)
        case .text(let part): try CSVRows(paths: [path], part.csv, onBadSample: onBadSample)
        case .lines(let part): try LineRows(paths: [path], part, onBadSample: onBadSample)
        case .images(let part): try ImageRows(toPredict: path, self, part)
        case .tokens, .parallel:
            throw LockstepError(
                .usage, "a model of data format '\(format.rawValue)' predicts no rows",
                remedy: "use lockstep " + (format == .tokens ? "generate" : "translate"))
        }
    }
}
