// What ews-javascript-api makes of the server: `node scenario.mjs URL ADDRESS PASSWORD PEER`; prints one JSON object.
import { createRequire } from "node:module";

const require = createRequire(process.env.EWS_CLIENTS + "/");
const ews = require("ews-javascript-api");
const [url, address, password, peer] = process.argv.slice(2);

const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2013);
service.Url = new ews.Uri(url);
service.Credentials = new ews.WebCredentials(address, password);

const found = {};
const inbox = await ews.Folder.Bind(service, ews.WellKnownFolderName.Inbox);
found.inbox = inbox.DisplayName;
const folders = await service.FindFolders(ews.WellKnownFolderName.MsgFolderRoot, new ews.FolderView(100));
found.folders = folders.Folders.map((folder) => folder.DisplayName).sort();
const subject = new ews.SearchFilter.ContainsSubstring(ews.ItemSchema.Subject, "number 2");
found.searched = (await service.FindItems(inbox.Id, subject, new ews.ItemView(10))).TotalCount;

const items = [];
for (let offset = 0, more = true; more; ) {
  const page = await service.FindItems(inbox.Id, new ews.ItemView(100, offset));
  items.push(...page.Items);
  more = page.MoreAvailable;
  offset = page.NextPageOffset;
}
found.subjects = items.map((item) => item.Subject).sort();
const message = await ews.EmailMessage.Bind(service, items[0].Id, new ews.PropertySet(ews.BasePropertySet.IdOnly, [ews.ItemSchema.MimeContent]));
found.mime = Buffer.from(message.MimeContent.Content, "base64").toString().includes("Subject: " + items[0].Subject);

found.synchronised = 0;
for (let state = null, more = true; more; ) {
  const changes = await service.SyncFolderItems(inbox.Id, ews.PropertySet.IdOnly, null, 512, ews.SyncFolderItemsScope.NormalItems, state);
  found.synchronised += changes.Count;
  more = changes.MoreChangesAvailable;
  state = changes.SyncState;
}

const letter = new ews.EmailMessage(service);
letter.Subject = "From JavaScript";
letter.Body = new ews.MessageBody(ews.BodyType.Text, "hello");
letter.ToRecipients.Add(peer);
await letter.SendAndSaveCopy();

const first = await ews.EmailMessage.Bind(service, items[0].Id, ews.PropertySet.FirstClassProperties);
first.IsRead = true;
await first.Update(ews.ConflictResolutionMode.AlwaysOverwrite);
found.moved = (await first.Move(ews.WellKnownFolderName.DeletedItems)).Id.UniqueId !== items[0].Id.UniqueId;
await items[1].Delete(ews.DeleteMode.HardDelete);

service.Credentials = new ews.WebCredentials(address, password + "?");
found.refused = await ews.Folder.Bind(service, ews.WellKnownFolderName.Inbox).then(() => "", (error) => String(error.message || error));
console.log(JSON.stringify(found));
