import Diagnostics
import Foundation

/// Which picture files there are and the class of each: from a folder of classes, or from a CSV file of paths.
public struct ImageCatalog: Sendable, Equatable {
    /// The files, in an order that depends on names alone.
    public let paths: [String]
    /// The class number of each file; empty where there are none.
    public let labels: [Int32]
    /// The classes' names, by number.
    public let classNames: [String]
    /// The folders that were left out because they hold no picture.
    public let emptyClasses: [String]

    /// Files without classes, to predict.
    /// - Throws: 65 where there is no file.
    public init(paths: [String]) throws {
        guard !paths.isEmpty else { throw LockstepError(.badData, "there is no picture") }
        (self.paths, labels, classNames, emptyClasses) = (paths, [], [], [])
    }

    /// A folder of classes: each folder in it is a class, named by the folder; JPEG and PNG files anywhere below
    /// belong to it. Classes and files are sorted by the bytes of their names; hidden ones and files of other
    /// kinds are left out.
    /// - Parameter skipsEmptyClasses: whether a folder without a picture is left out rather than an error.
    /// - Throws: 65 for a missing folder, one without classes, or a class without a picture; 74 where a folder
    ///   cannot be read.
    public init(folder: String, skipsEmptyClasses: Bool = false) throws {
        let classes = try Self.entries(of: folder).filter { Self.isFolder("\(folder)/\($0)") }
        guard !classes.isEmpty else {
            throw LockstepError(
                .badData, "there is no folder of pictures in it", at: FileLocation(folder),
                remedy: "put the pictures of each class into a folder of its own, named as the class")
        }
        var (paths, labels): ([String], [Int32]) = ([], [])
        var (names, empty): ([String], [String]) = ([], [])
        for name in classes {
            let files = try Self.pictures(below: "\(folder)/\(name)")
            if files.isEmpty, skipsEmptyClasses {
                empty.append("\(folder)/\(name)")
                continue
            }
            guard !files.isEmpty else {
                throw LockstepError(
                    .badData, "the class '\(name)' has no JPEG or PNG file",
                    at: FileLocation("\(folder)/\(name)"), remedy: "add pictures, or remove the folder")
            }
            paths += files
            labels += Array(repeating: Int32(names.count), count: files.count)
            names.append(name)
        }
        (self.paths, self.labels, classNames, emptyClasses) = (paths, labels, names, empty)
    }

    /// Pictures to predict: the file, or all JPEG and PNG files below the folder.
    /// - Throws: 65 where there is none; 74 where a folder cannot be read.
    public init(toPredict path: String) throws {
        let paths = Self.isFolder(path) ? try Self.pictures(below: path) : [path]
        guard !paths.isEmpty else {
            throw LockstepError(
                .badData, "there is no JPEG or PNG file in it", at: FileLocation(path),
                remedy: "give a picture, or a folder with pictures")
        }
        try self.init(paths: paths)
    }

    /// The pictures that a CSV file lists, one a row; a relative path starts at the folder of the CSV file.
    /// - Parameters:
    ///   - label: the column of classes, or nil for pictures to predict.
    ///   - classNames: the classes in order; nil takes those in the file, sorted by their bytes.
    /// - Throws: 65 with FILE:LINE for an empty path, a picture that is missing, an empty or unknown class.
    public init(
        _ source: CSVSource, path: ColumnReference, label: ColumnReference?, classNames: [String]? = nil
    ) throws {
        let pathColumn = try source.columnIndex(of: path)
        let labelColumn = try label.map { try source.columnIndex(of: $0) }
        var (paths, texts): ([String], [String]) = ([], [])
        for row in 0..<source.rowCount {
            try source.forEachField(ofRow: row) { field in
                if field.column == pathColumn {
                    paths.append(try Self.listedPath(field, row: row, source))
                }
                if field.column == labelColumn {
                    let text = field.text
                    guard !text.isEmpty else {
                        throw source.error("the class is missing", row: row, field: field)
                    }
                    texts.append(text)
                }
            }
        }
        let names =
            classNames ?? Set(texts).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let numbers = Dictionary(
            names.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
        self.paths = paths
        emptyClasses = []
        self.classNames = labelColumn == nil ? [] : names
        labels = try texts.enumerated().map { row, text in
            guard let number = numbers[text] else {
                throw source.error(
                    "the class '\(text)' is none of the \(names.count) known ones", row: row,
                    remedy: Suggestions.remedy(for: text, among: Array(names.prefix(50))))
            }
            return number
        }
    }

    /// A number that says what the files hold and what they are called inside their folders; nodes compare it. It
    /// reads every byte of them.
    /// - Throws: 65 or 74 for a file that is missing or cannot be read.
    public func fingerprint() throws -> UInt64 {
        let prints = ParallelWork.map(count: paths.count) { index in
            Result { try MappedFile.contentFingerprint(path: paths[index]) }
        }
        return try prints.reduce(RandomMixer.key(seed: 0, UInt64(paths.count))) {
            RandomMixer.mix($0 ^ (try $1.get()))
        }
    }

    private static func listedPath(_ field: CSVField, row: Int, _ source: CSVSource) throws -> String {
        let text = field.text
        guard !text.isEmpty else { throw source.error("the path is missing", row: row, field: field) }
        let base = source.location(ofRow: row).file
        let path =
            text.hasPrefix("/")
            ? text : URL(fileURLWithPath: base).deletingLastPathComponent().path + "/" + text
        guard FileManager.default.fileExists(atPath: path) else {
            throw source.error(
                "there is no picture '\(text)'", row: row, field: field,
                remedy: "relative paths start at the folder of the CSV file")
        }
        return path
    }

    private static func pictures(below folder: String) throws -> [String] {
        try entries(of: folder).flatMap { name -> [String] in
            let path = "\(folder)/\(name)"
            if isFolder(path) { return try pictures(below: path) }
            let suffix = name.lowercased()
            return [".jpg", ".jpeg", ".png"].contains(where: suffix.hasSuffix) ? [path] : []
        }
    }

    private static func entries(of folder: String) throws -> [String] {
        guard isFolder(folder) else {
            throw LockstepError(
                .badData, "there is no such folder", at: FileLocation(folder),
                remedy: "check the path; relative paths start at the current folder")
        }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { !$0.hasPrefix(".") }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch {
            throw LockstepError(
                .inputOutput, "the folder cannot be read", at: FileLocation(folder), cause: error)
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
