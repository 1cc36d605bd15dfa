# The frozen layer of a firmware: include() this in the manifest of a board.
package("microtetherdb", base_path="..", opt=3)
