import Diagnostics

/// A value of a recipe with the place it was written at: the YAML tree without tags, anchors or aliases.
struct RecipeNode: Sendable {
    /// What was written.
    indirect enum Content: Sendable {
        /// Nothing: `key:`, `~` or `null`; counts as if the key had not been written.
        case null
        /// A single value; `isPlain` says that it was written without quotes.
        case scalar(String, isPlain: Bool)
        /// A list.
        case list([RecipeNode])
        /// A group of keys, in the order they were written.
        case mapping([Entry])
    }

    /// A key with its value.
    struct Entry: Sendable {
        var key: String
        var keyPlace: RecipePlace
        var value: RecipeNode
    }

    var content: Content
    var place: RecipePlace

    /// What the value is, in words of an error message.
    var kindInWords: String {
        switch content {
        case .null: "nothing"
        case .scalar(let text, _): "'\(text.prefix(80))'"
        case .list: "a list"
        case .mapping: "a group of keys"
        }
    }
}

/// Where a value of a recipe was written.
enum RecipePlace: Sendable, Equatable {
    /// In the recipe's file; relative paths count from the recipe's folder.
    case file(FileLocation)
    /// In `--set key=value`; relative paths count from the current folder.
    case override(String)

    /// The place as errors print it.
    var location: FileLocation {
        switch self {
        case .file(let location): location
        case .override(let text): FileLocation("--set " + String(text.prefix(120)))
        }
    }
}
